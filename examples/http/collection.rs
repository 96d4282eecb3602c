//! Collections of requests in `.http` files, as many clients replay them, with what each answer must be.
//!
//! ```text
//! @host = http://127.0.0.1:8080
//!
//! ### Who is there
//! # expect: 200
//! # save next = Next
//! # contains: Ada
//! GET {{host}}/list?limit=1
//! ```
//!
//! `@NAME = VALUE` before the first request sets a variable. Before each request, `# expect:` names the status code,
//! `# save NAME = FIELD` keeps a field of the JSON answer (or `header:NAME`) for later requests, and `# contains:`
//! is a text that the answer has.

use std::collections::HashMap;

use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::Value;

use super::client::{NoAnswer, ask};

/// The requests of a file.
#[derive(Debug)]
pub struct Collection {
    variables: HashMap<String, String>,
    requests: Vec<CollectedRequest>,
}

/// A request as it is written, and what its answer must be.
#[derive(Debug, Default)]
struct CollectedRequest {
    title: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    expect: u16,
    contains: Vec<String>,
    save: Vec<(String, String)>,
}

/// A request as it was sent, and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// What it is about.
    pub title: String,
    /// How it was asked.
    pub method: Method,
    /// What for: path and query.
    pub target: String,
    /// With which headers.
    pub headers: Vec<(String, String)>,
    /// With which body.
    pub body: String,
    /// The answer.
    pub answer: Response<String>,
}

/// Why a collection was broken off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The file is not written as it should be.
    #[error("{title:?} in the collection has {what}")]
    Unreadable {
        /// Of which request.
        title: String,
        /// What is wrong.
        what: String,
    },
    /// There was no answer.
    #[error("{title:?} was not answered")]
    NoAnswer {
        /// To which request.
        title: String,
        /// The reason.
        source: NoAnswer,
    },
    /// It is not the answer that it must be.
    #[error("{title:?} was answered with {what}")]
    Unexpected {
        /// Of which request.
        title: String,
        /// What is wrong.
        what: String,
    },
}

impl Collection {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, ReplayError> {
        let mut parts = text.split("\n### ");
        let variables = parts.next().unwrap_or_default().lines().filter_map(|line| {
            let (name, value) = line.strip_prefix('@')?.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        });
        let variables = variables.collect();
        let requests = parts.map(CollectedRequest::parse).collect::<Result<_, _>>()?;
        Ok(Self { variables, requests })
    }

    /// With another value for a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sends every request, in order.
    ///
    /// # Errors
    ///
    /// The first answer that is not as it must be: [`ReplayError`].
    pub async fn replay(&self) -> Result<Vec<Exchange>, ReplayError> {
        let mut variables = self.variables.clone();
        let mut exchanges = Vec::with_capacity(self.requests.len());
        for request in &self.requests {
            exchanges.push(request.exchange(&mut variables).await?);
        }
        Ok(exchanges)
    }
}

impl CollectedRequest {
    fn parse(text: &str) -> Result<Self, ReplayError> {
        let mut lines = text.lines();
        let title = lines.next().unwrap_or_default().to_owned();
        let mut request = Self { title, ..Self::default() };
        for line in lines.by_ref() {
            if let Some(comment) = line.strip_prefix("# ") {
                request.take_comment(comment)?;
            } else if let Some((method, url)) = line.split_once(' ') {
                (request.method, request.url) = (method.to_owned(), url.to_owned());
                break;
            }
        }
        for line in lines.by_ref() {
            match line.split_once(": ") {
                Some((name, value)) => request.headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        request.body = lines.collect::<Vec<_>>().join("\n").trim_end().to_owned();
        Ok(request)
    }

    /// What it says about the answer. Other comments are for people.
    fn take_comment(&mut self, comment: &str) -> Result<(), ReplayError> {
        let unreadable = || self.unreadable(format!("the comment {comment:?}"));
        if let Some(status) = comment.strip_prefix("expect: ") {
            self.expect = status.trim().parse().map_err(|_| unreadable())?;
        } else if let Some(text) = comment.strip_prefix("contains: ") {
            self.contains.push(text.to_owned());
        } else if let Some(save) = comment.strip_prefix("save ") {
            let (name, field) = save.split_once(" = ").ok_or_else(unreadable)?;
            self.save.push((name.to_owned(), field.to_owned()));
        }
        Ok(())
    }

    async fn exchange(
        &self,
        variables: &mut HashMap<String, String>,
    ) -> Result<Exchange, ReplayError> {
        let fill = |text: &str| {
            variables.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{{name}}}}}"), value)
            })
        };
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), fill(value)));
        let headers: Vec<_> = headers.collect();
        let (url, body) = (fill(&self.url), fill(&self.body));
        let mut request = Request::builder().method(self.method.as_str()).uri(&url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let request =
            request.body(body.clone()).map_err(|error| self.unreadable(error.to_string()))?;
        let method = request.method().clone();
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let answer = ask(request)
            .await
            .map_err(|source| ReplayError::NoAnswer { title: self.title.clone(), source })?;
        self.check(&answer)?;
        for (name, field) in &self.save {
            variables.insert(name.clone(), self.saved(field, &answer)?);
        }
        Ok(Exchange { title: self.title.clone(), method, target, headers, body, answer })
    }

    fn check(&self, answer: &Response<String>) -> Result<(), ReplayError> {
        let (status, body) = (answer.status(), answer.body());
        if status.as_u16() != self.expect {
            let what = format!("{status} instead of {}: {body}", self.expect);
            return Err(self.unexpected(what));
        }
        if let Some(text) = self.contains.iter().find(|text| !body.contains(&**text)) {
            return Err(self.unexpected(format!("no {text:?} in {body}")));
        }
        if (status.is_client_error() || status.is_server_error())
            && !is_problem(status, answer.headers(), body)
        {
            return Err(self.unexpected(format!("what are no problem details: {body}")));
        }
        Ok(())
    }

    fn saved(&self, field: &str, answer: &Response<String>) -> Result<String, ReplayError> {
        let found = match field.strip_prefix("header:") {
            Some(name) => text(answer.headers(), name).map(str::to_owned),
            None => {
                let body: Value = serde_json::from_str(answer.body()).unwrap_or_default();
                match &body[field] {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                }
            }
        };
        found.ok_or_else(|| self.unexpected(format!("no {field} in {}", answer.body())))
    }

    fn unreadable(&self, what: String) -> ReplayError {
        ReplayError::Unreadable { title: self.title.clone(), what }
    }

    fn unexpected(&self, what: String) -> ReplayError {
        ReplayError::Unexpected { title: self.title.clone(), what }
    }
}

/// Whether an answer is as RFC 9457 has it.
fn is_problem(status: StatusCode, headers: &HeaderMap, body: &str) -> bool {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    text(headers, header::CONTENT_TYPE.as_str()) == Some("application/problem+json")
        && problem["status"] == status.as_u16()
        && problem["title"].is_string()
        && problem["detail"].is_string()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests;
