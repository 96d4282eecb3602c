//! Servers and their clients that are slow, from outside.
#![cfg(unix)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use support::{DISPENSARY, INGEST, Program, Running, USERS, eventually};

const SERVERS: [(Program, &str); 3] =
    [(DISPENSARY, "/dispenses/d/prescription"), (INGEST, "/events"), (USERS, "/command")];

/// A server with a client that has sent half a request.
struct Scene {
    address: String,
    server: Running,
    client: TcpStream,
    _data: tempfile::TempDir,
}

impl Scene {
    fn of((program, path): (Program, &str), drain_time: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let flags = ["serve", "--port", "0", "--drain-time", drain_time];
        let mut server = program.start_on(data.path(), flags);
        let listening = server.printed("listening on http://");
        let address = listening.strip_prefix("listening on http://").unwrap().to_owned();
        let mut client = TcpStream::connect(&address).unwrap();
        write!(
            client,
            "POST {path} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n\
             content-length: 100\r\nexpect: 100-continue\r\n\r\n"
        )
        .unwrap();
        // It is at hand when the server asks for the rest.
        let mut answer = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
        client.read_exact(&mut answer).unwrap();
        client.write_all(b"{").unwrap();
        Self { address, server, client, _data: data }
    }
}

#[tokio::test]
async fn a_slow_client_does_not_keep_a_server_from_ending() {
    for program in SERVERS {
        let Scene { mut server, client, _data, .. } = Scene::of(program, "100ms");
        server.signal("-TERM");
        eventually("it ends", async || server.has_ended().then_some(())).await;
        let output = server.finish();
        assert!(output.success, "{output:?}");
        assert!(output.stderr.contains("clients did not end their requests"), "{output:?}");
        drop(client);
    }
}

#[tokio::test]
async fn asked_twice_a_server_ends_at_once() {
    for program in SERVERS {
        let Scene { address, mut server, client, _data } = Scene::of(program, "7d");
        server.signal("-TERM");
        let is_closed = async || TcpStream::connect(&address).is_err().then_some(());
        eventually("nobody else is let in", is_closed).await;
        assert!(!server.has_ended());
        server.signal("-TERM");
        eventually("it ends", async || server.has_ended().then_some(())).await;
        let output = server.finish();
        assert!(output.error().contains("asked twice to stop"), "{output:?}");
        drop(client);
    }
}
