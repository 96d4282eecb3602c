//! Replays a collection of requests in an `.http` file.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;

/// One request and what its answer must be.
#[derive(Debug, Default)]
pub struct Exchange {
    title: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    expect: u16,
    contains: Vec<String>,
    save: Vec<(String, String)>,
}

/// Sends every request of `collection` to `host`, in order; returns how many there were.
pub async fn replay(collection: &str, host: &str) -> usize {
    let mut variables = HashMap::from([("host".to_owned(), host.to_owned())]);
    let client = reqwest::Client::new();
    let exchanges: Vec<Exchange> =
        collection.split("\n### ").skip(1).map(Exchange::parse).collect();
    for exchange in &exchanges {
        exchange.run(&client, &mut variables).await;
    }
    exchanges.len()
}

impl Exchange {
    fn parse(text: &str) -> Self {
        let mut lines = text.lines();
        let mut exchange = Self { title: lines.next().unwrap().to_owned(), ..Self::default() };
        for line in lines.by_ref() {
            if let Some(comment) = line.strip_prefix("# ") {
                if let Some(status) = comment.strip_prefix("expect: ") {
                    exchange.expect = status.trim().parse().unwrap();
                } else if let Some(text) = comment.strip_prefix("contains: ") {
                    exchange.contains.push(text.to_owned());
                } else if let Some(save) = comment.strip_prefix("save ") {
                    let (name, field) = save.split_once(" = ").unwrap();
                    exchange.save.push((name.to_owned(), field.to_owned()));
                }
            } else if let Some((method, url)) = line.split_once(' ') {
                (exchange.method, exchange.url) = (method.to_owned(), url.to_owned());
                break;
            }
        }
        for line in lines.by_ref() {
            match line.split_once(": ") {
                Some((name, value)) => exchange.headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        exchange.body = lines.collect::<Vec<_>>().join("\n").trim_end().to_owned();
        exchange
    }

    async fn run(&self, client: &reqwest::Client, variables: &mut HashMap<String, String>) {
        let fill = |text: &str| {
            variables.iter().fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{{{name}}}}}"), value)
            })
        };
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let mut request = client.request(method, fill(&self.url)).body(fill(&self.body));
        for (name, value) in &self.headers {
            request = request.header(name, fill(value));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.text().await.unwrap();
        assert_eq!(status, self.expect, "{}: {body}", self.title);
        for text in &self.contains {
            assert!(body.contains(text), "{}: no {text:?} in {body}", self.title);
        }
        if status >= 400 {
            assert_eq!(headers["content-type"], "application/problem+json", "{}", self.title);
            let problem: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(problem["status"], status, "{}", self.title);
            assert!(problem["title"].is_string() && problem["detail"].is_string(), "{body}");
        }
        for (name, field) in &self.save {
            let value = match field.strip_prefix("header:") {
                Some(header) => headers[header].to_str().unwrap().to_owned(),
                None => {
                    let answer: Value = serde_json::from_str(&body).unwrap();
                    answer[field].as_str().unwrap().to_owned()
                }
            };
            variables.insert(name.clone(), value);
        }
    }
}
