//! Asking the local server what the commands want to know, by its HTTP interface.
//!
//! It is on this machine, asks for no signature, and answers in one piece: no SDK of AWS has to be compiled
//! for that.

use std::{
    error::Error as StdError,
    fmt,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use serde_json::Value;

use crate::servers::Place;

/// The region that the server answers for when nobody names one; the example programs ask for it, too.
pub(super) const REGION: &str = "us-east-1";

/// The server has not answered, or not as asked.
#[derive(Debug)]
pub(super) enum Error {
    /// It does not answer.
    Io(io::Error),
    /// It refuses; with what it says.
    Refused { status: u16, body: String },
    /// What it answers cannot be read.
    Unreadable(String),
}

impl Error {
    /// Whether it refuses with this text in what it says.
    pub(super) fn says(&self, text: &str) -> bool {
        matches!(self, Self::Refused { body, .. } if body.contains(text))
    }
}

/// Whether a server of our kind answers.
pub(super) fn is_healthy(place: &Place) -> bool {
    send(place, "GET", "/_ministack/health", &[], "").is_ok()
}

/// Asks a service that speaks JSON, as DynamoDB.
///
/// # Errors
///
/// [`Error`].
pub(super) fn json(place: &Place, operation: &str, body: &Value) -> Result<Value, Error> {
    let headers = [("x-amz-target", operation), ("content-type", "application/x-amz-json-1.0")];
    let answer = send(place, "POST", "/", &headers, &body.to_string())?;
    serde_json::from_str(&answer).map_err(|_| Error::Unreadable(answer))
}

/// Asks CloudFormation about a stack; it answers in XML.
///
/// # Errors
///
/// [`Error`].
pub(super) fn cloudformation(place: &Place, action: &str, stack: &str) -> Result<String, Error> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    // Names of stacks have nothing that would have to be escaped.
    let form = format!("Version=2010-05-15&Action={action}&StackName={stack}");
    send(place, "POST", "/", &headers, &form)
}

/// Makes a bucket, unless it is there.
///
/// # Errors
///
/// [`Error`].
pub(super) fn make_bucket(place: &Place, bucket: &str) -> Result<(), Error> {
    send(place, "PUT", &format!("/{bucket}"), &[], "").map(drop)
}

/// The names of all buckets.
///
/// # Errors
///
/// [`Error`].
pub(super) fn buckets(place: &Place) -> Result<Vec<String>, Error> {
    let listed = send(place, "GET", "/", &[], "")?;
    let buckets = elements(&listed, "Bucket").into_iter();
    Ok(buckets.map(|bucket| text_of(bucket, "Name")).collect())
}

/// The contents of all elements of a name, which have none of the same name in them.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (opening, closing) = (format!("<{name}>"), format!("</{name}>"));
    let after = xml.split(&opening).skip(1);
    after.filter_map(|rest| rest.split_once(&closing).map(|(content, _)| content)).collect()
}

/// The text of the first element of a name; empty when there is none.
pub(super) fn text_of(xml: &str, name: &str) -> String {
    let content = elements(xml, name).first().copied().unwrap_or_default();
    let references =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'")];
    let text = references.iter().fold(content.to_owned(), |text, (reference, character)| {
        text.replace(reference, character)
    });
    // Last: what it makes is no reference.
    text.replace("&amp;", "&")
}

fn send(
    place: &Place,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<String, Error> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, place.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    // HTTP/1.0 has no chunks: the answer ends with the connection.
    let mut request = format!("{method} {path} HTTP/1.0\r\nhost: 127.0.0.1:{}\r\n", place.port);
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    read(&String::from_utf8_lossy(&answer))
}

/// The body of an answer that says success.
fn read(answer: &str) -> Result<String, Error> {
    let unreadable = || Error::Unreadable(answer.to_owned());
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unreadable)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    match status.ok_or_else(unreadable)? {
        200..300 => Ok(body.to_owned()),
        status => Err(Error::Refused { status, body: body.to_owned() }),
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beginning = |text: &str| text.chars().take(500).collect::<String>();
        match self {
            Self::Io(_) => write!(f, "the local server does not answer"),
            Self::Refused { status, body } => {
                write!(f, "the local server refuses ({status}): {}", beginning(body))
            }
            Self::Unreadable(answer) => {
                write!(f, "the local server answers what cannot be read: {}", beginning(answer))
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Refused { .. } | Self::Unreadable(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
