/// A topic as a user names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedTopic<'a> {
    /// Its name.
    pub name: &'a str,
    /// The account that it is in, if that was said.
    pub account: Option<&'a str>,
}

impl<'a> NamedTopic<'a> {
    /// By its ARN, `arn:aws:sns:REGION:ACCOUNT:NAME`, or by its name.
    ///
    /// # Errors
    ///
    /// A sentence about what is neither.
    pub fn of(topic: &'a str) -> Result<Self, String> {
        if !topic.contains(':') {
            return Ok(Self { name: topic, account: None });
        }
        let parts: Vec<&str> = topic.split(':').collect();
        match parts[..] {
            ["arn", _, "sns", _, account, name] => Ok(Self { name, account: Some(account) }),
            _ => Err(format!("{topic:?} is neither the ARN nor the name of a topic")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_named_by_its_arn_or_its_name() {
        let arn = "arn:aws:sns:eu-central-1:123456789012:processed";
        let account = Some("123456789012");
        assert_eq!(NamedTopic::of(arn), Ok(NamedTopic { name: "processed", account }));
        let named = NamedTopic { name: "processed", account: None };
        assert_eq!(NamedTopic::of("processed"), Ok(named));
        let queue = "arn:aws:sqs:eu-central-1:123456789012:processed";
        for wrong in [queue, "arn:aws:sns:x", "a:b", ":"] {
            assert!(NamedTopic::of(wrong).is_err(), "{wrong}");
        }
    }
}
