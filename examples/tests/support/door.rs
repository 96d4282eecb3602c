use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A server behind a door: while it is shut, connections end, and new ones as soon as they come.
#[derive(Debug)]
pub struct Door {
    pub url: String,
    is_shut: watch::Sender<bool>,
}

impl Door {
    /// An open door, until the runtime of the test ends.
    pub async fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (is_shut, shut) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (visitor, _) = listener.accept().await.unwrap();
                tokio::spawn(let_through(visitor, server.clone(), shut.clone()));
            }
        });
        Self { url, is_shut }
    }

    pub fn shut(&self) {
        self.is_shut.send_replace(true);
    }

    pub fn open(&self) {
        self.is_shut.send_replace(false);
    }
}

async fn let_through(mut visitor: TcpStream, server: String, mut shut: watch::Receiver<bool>) {
    let pass = async {
        let mut server = TcpStream::connect(&server).await?;
        tokio::io::copy_bidirectional(&mut visitor, &mut server).await
    };
    tokio::select! {
        biased;
        _ = shut.wait_for(|shut| *shut) => {}
        // How a connection ends is a matter of its two ends.
        _ = pass => {}
    }
}
