use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Server;

/// A prescription that can be read in full.
pub const PRESCRIPTION: &str = "Patient: Ada Example\nDOB: 1980-12-31\n\
    Amoxicillin 500 mg capsules, take 1 capsule three times daily for 7 days, #21\n";

/// Somebody who uses a running server.
#[derive(Debug)]
pub struct Client {
    pub http: reqwest::Client,
    url: String,
}

impl Client {
    pub fn of(server: &Server) -> Self {
        Self::at(&server.url)
    }

    pub fn at(url: &str) -> Self {
        Self { http: reqwest::Client::new(), url: url.to_owned() }
    }

    /// `None` when the server went away before it answered.
    pub async fn post(
        &self,
        path: &str,
        key: &str,
        kind: &str,
        body: String,
    ) -> Option<(u16, Value)> {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .header("content-type", kind)
            .header("idempotency-key", key)
            .body(body);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Starts a dispense and gives its id.
    pub async fn start(&self, key: &str) -> String {
        let started = self.post("/dispenses", key, "application/json", String::new()).await;
        let (status, body) = started.unwrap();
        assert_eq!(status, 201, "{body}");
        body["id"].as_str().unwrap().to_owned()
    }

    /// Uploads a prescription of `text`.
    pub async fn upload(&self, id: &str, text: &str) {
        let path = format!("/dispenses/{id}/prescription");
        let key = format!("upload-{text}").replace('\n', " ");
        let uploaded = self.post(&path, &key, "text/plain", text.to_owned()).await;
        let (status, body) = uploaded.unwrap();
        assert_eq!(status, 202, "{body}");
    }

    /// The dispense, once the views show it at `version`.
    pub async fn dispense_at(&self, id: &str, version: u64) -> (u16, Value) {
        self.get(&format!("/dispenses/{id}?at_least={version}")).await
    }

    /// The names of the dispense's events.
    pub async fn events(&self, id: &str) -> Vec<String> {
        let (_, history) = self.get(&format!("/dispenses/{id}/events")).await;
        let events = history["events"].as_array().unwrap();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }

    /// Everything that is asked for one dispense, under keys that stay the same when asked again.
    /// `None` when the server went away.
    pub async fn dispense(&self, n: usize) -> Option<String> {
        const JSON: &str = "application/json";
        let key = |step: &str| format!("{step}-{n}");
        let ok = |answer: Option<(u16, Value)>| {
            let (status, body) = answer?;
            assert!((200..300).contains(&status), "{status} {body}");
            Some(body)
        };
        let started = ok(self.post("/dispenses", &key("start"), JSON, String::new()).await)?;
        let id = started["id"].as_str()?.to_owned();
        let path = |step: &str| format!("/dispenses/{id}/{step}");
        let text = PRESCRIPTION.to_owned();
        ok(self.post(&path("prescription"), &key("upload"), "text/plain", text).await)?;
        let patient = json!({"name": "Ada Example"}).to_string();
        ok(self.post(&path("patient"), &key("patient"), JSON, patient).await)?;
        let drugs = json!({"drugs": [{"name": "Amoxicillin"}]}).to_string();
        ok(self.post(&path("drugs"), &key("drugs"), JSON, drugs).await)?;
        Some(id)
    }
}

/// The stored file of a prescription of `text`.
pub fn stored_file(data: &Path, text: &str) -> PathBuf {
    let files = std::fs::read_dir(data.join("objects/prescriptions")).unwrap();
    files
        .map(|file| file.unwrap().path())
        .find(|path| std::fs::read(path).is_ok_and(|content| content == text.as_bytes()))
        .unwrap_or_else(|| panic!("no file is stored that says {text:?}"))
}
