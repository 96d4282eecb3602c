//! Asking a server over TCP.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The URL is not `http://HOST:PORT/…`.
    #[error("{0} is not where a server can be asked")]
    Url(Uri),
    /// Nobody listens.
    #[error("{server} cannot be reached")]
    Unreachable {
        /// Who was asked.
        server: String,
        /// The reason.
        source: io::Error,
    },
    /// The connection ended in the middle.
    #[error("the answer broke off")]
    Broken(#[from] hyper::Error),
    /// The answer is there, but is no text.
    #[error("the answer is no text")]
    NoText(#[from] std::string::FromUtf8Error),
    /// The answer's body broke off.
    #[error("the answer broke off")]
    Body(#[from] axum::Error),
}

/// Sends a request, on a connection of its own, and returns when all of the answer is there.
///
/// # Errors
///
/// [`NoAnswer`].
pub(super) async fn ask(request: Request<String>) -> Result<Response<String>, NoAnswer> {
    let (mut head, body) = request.into_parts();
    let (Some(server), Some(path)) = (head.uri.authority().cloned(), head.uri.path_and_query())
    else {
        return Err(NoAnswer::Url(head.uri));
    };
    let host =
        HeaderValue::from_str(server.as_str()).map_err(|_| NoAnswer::Url(head.uri.clone()))?;
    head.headers.insert(header::HOST, host);
    // A server is asked for a path; a proxy would be for a URL.
    head.uri = Uri::from(path.clone());
    let stream = TcpStream::connect(server.as_str())
        .await
        .map_err(|source| NoAnswer::Unreachable { server: server.to_string(), source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let asked = async {
        let (head, body) =
            sender.send_request(Request::from_parts(head, Body::from(body))).await?.into_parts();
        let body = String::from_utf8(Body::new(body).collect().await?.to_bytes().to_vec())?;
        Ok(Response::from_parts(head, body))
    };
    // The connection moves only while it is waited for.
    let mut asked = std::pin::pin!(asked);
    tokio::select! {
        answer = &mut asked => answer,
        ended = connection => {
            ended?;
            asked.await
        }
    }
}
