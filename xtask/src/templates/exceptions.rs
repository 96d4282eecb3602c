//! What templates are allowed that checkov finds, each with the reason.
//!
//! A line is `CHECK reason`, or `CHECK TEXT: reason` for the resources alone with the text in their type and
//! name, as `AWS::SQS::Queue.QueueDead`.

/// All of them.
#[derive(Debug)]
pub(super) struct Exceptions(Vec<Exception>);

#[derive(Debug, PartialEq, Eq)]
struct Exception {
    check: String,
    /// What the resource has in its type and name; all have nothing.
    resource: String,
}

/// What checkov has found in a template.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) check: String,
    pub(super) what: String,
    pub(super) file: String,
    pub(super) resource: String,
}

impl Exceptions {
    /// # Errors
    ///
    /// When a line has no reason.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Exception::parse).collect::<Result<_, _>>().map(Self)
    }

    /// What is wrong: findings that are no exceptions, and exceptions that nothing was found for.
    pub(super) fn complaints(&self, findings: &[Finding]) -> Vec<String> {
        let Self(exceptions) = self;
        let is_allowed = |finding: &&Finding| exceptions.iter().any(|it| it.allows(finding));
        let found = findings.iter().filter(|finding| !is_allowed(finding));
        let found = found.map(|Finding { check, what, file, resource }| {
            format!("{check} in {}: {resource}: {what}", file.trim_start_matches('/'))
        });
        let is_needed = |exception: &&Exception| findings.iter().any(|it| exception.allows(it));
        let unneeded = exceptions.iter().filter(|exception| !is_needed(exception));
        let unneeded = unneeded.map(|Exception { check, resource }| {
            format!("{check} {resource} is an exception, and nothing is found that needs it")
        });
        found.chain(unneeded).collect()
    }
}

impl Exception {
    fn parse(line: &str) -> Result<Self, String> {
        let (check, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (first, after) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        let (resource, reason) = match first.strip_suffix(':') {
            Some(resource) => (resource, after),
            None => ("", rest),
        };
        match reason.trim() {
            "" => Err(format!("the exception {check} has no reason")),
            _ => Ok(Self { check: check.to_owned(), resource: resource.to_owned() }),
        }
    }

    fn allows(&self, finding: &Finding) -> bool {
        self.check == finding.check && finding.resource.contains(&self.resource)
    }
}

#[cfg(test)]
mod tests;
