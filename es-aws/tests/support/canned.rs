//! A server that gives one answer to everybody, and remembers who asked: for the tests of the backends.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// It ends with this value.
#[derive(Debug)]
pub(crate) struct Canned {
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Canned {
    /// It refuses every request as AWS would.
    pub(crate) async fn refusing(code: &str, message: &str) -> Self {
        let body =
            json!({ "__type": format!("com.amazon.coral.service#{code}"), "message": message });
        Self::answering("400 Bad Request", &body.to_string()).await
    }

    /// It answers every request with this status and body.
    pub(crate) async fn answering(status: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound port"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amzn-requestid: R1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let seen = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let signed = answer_to(connection, &answer).await.expect("a request of the SDK");
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(signed);
            }
        });
        Self { endpoint, asked, serving }
    }

    /// As whom, and for which region and service, each request was signed:
    /// `ACCESS-KEY/20260101/eu-central-1/dynamodb/aws4_request`.
    pub(crate) fn asked_by(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads one request, answers it, and returns its signer.
async fn answer_to(connection: TcpStream, answer: &str) -> std::io::Result<String> {
    let mut connection = BufReader::new(connection);
    let (mut length, mut signer) = (0, String::new());
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or_default(),
            "authorization" => {
                let credential = value.split("Credential=").nth(1).unwrap_or_default();
                signer = credential.split(',').next().unwrap_or_default().to_owned();
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    connection.write_all(answer.as_bytes()).await?;
    connection.flush().await?;
    Ok(signer)
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
