//! The intake of readings as its template deploys it: from the bucket, the API and the command line, by topic and queues,
//! all of it functions.

mod support;

use std::time::Duration;

use es_core::{EventStore as _, MessageQueue as _, NewMessage, QueueName, ReadStream, StreamId};
use es_examples::ingest::records::Records;
use es_sns_sqs::SqsQueues;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use support::{Deployed, INGEST, eventually};

/// What happens to an event that nothing goes wrong with.
const LIFE: [&str; 3] = ["Intake:Accepted", "Intake:Processed", "Intake:Confirmed"];
/// For how long records are kept unless the stack says otherwise.
const KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn reading(id: &str, station: &str) -> Value {
    json!({
        "id": id, "station": station, "quantity": "temperature", "value": 4.5, "unit": "C",
        "measured_at": "2026-03-01T06:00:00Z",
    })
}

/// Those who use the system.
struct Clients(Deployed);

impl Clients {
    async fn of_a_stack(parameters: &[(&str, &str)]) -> Self {
        Self(Deployed::system("ingest", parameters).await)
    }

    fn bucket(&self) -> &str {
        self.0.output("BucketInboxName")
    }

    async fn put(&self, name: &str, content: &str) {
        let url = format!("{}/{}/{name}", self.0.place().endpoint(), self.bucket());
        let put = self.0.client().put(url).body(content.to_owned()).send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
    }

    async fn post(&self, document: &Value) -> (u16, Value) {
        let request = self.0.client().post(format!("{}/events", self.0.api()));
        let request = request.header("content-type", "application/json");
        let answer = request.body(document.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn record(&self, id: &str) -> (u16, Value) {
        let url = format!("{}/events/{id}", self.0.api());
        let answer = self.0.client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn wait_for(&self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} is {status}"), async || {
            let (_, record) = self.record(id).await;
            (record["status"] == status).then_some(record)
        })
        .await
    }

    /// The system's program, run by somebody else, with its output.
    fn run(&self, arguments: &[&str], input: &str) -> Value {
        let of_stack = ["--bucket", self.bucket(), "--json"];
        let arguments = arguments.iter().chain(&of_stack);
        INGEST.run_with_input(input.as_bytes(), self.0.place(), arguments).json()
    }

    fn dead_letters(&self) -> Vec<Value> {
        self.run(&["dead-letters", "list"], "").as_array().unwrap().clone()
    }

    async fn queues(&self) -> SqsQueues {
        let connection = self.0.connection().connection();
        SqsQueues::builder().connection(connection).connect().await.unwrap()
    }

    fn queue(&self, name: &str) -> QueueName {
        QueueName::new(&format!("{}{name}", self.0.prefix())).unwrap()
    }

    /// Ends the outages, as an update of the stack does.
    async fn repair(&self, function: &str) {
        let (endpoint, prefix) = (self.0.place().endpoint(), self.0.prefix());
        let url = format!("{endpoint}/2015-03-31/functions/{prefix}{function}/configuration");
        let answer = self.0.client().get(&url).send().await.unwrap();
        let mut environment = answer.json::<Value>().await.unwrap()["Environment"].take();
        assert_eq!(environment["Variables"]["OUTAGES"], "zugspitze");
        environment["Variables"]["OUTAGES"] = json!("");
        let change = json!({ "Environment": environment }).to_string();
        let changed = self.0.client().put(&url).body(change).send().await.unwrap();
        assert!(changed.status().is_success(), "{changed:?}");
    }

    /// The names of what happened to an event.
    async fn history(&self, id: &str) -> Vec<String> {
        let stream = ReadStream::new(StreamId::new("intake", id).unwrap());
        let store = self.0.store().await;
        let pages: Vec<_> = store.read(stream).try_collect().await.unwrap();
        let names = pages.iter().flatten().flat_map(|commit| commit.events().names());
        names.map(|(name, _)| name.to_owned()).collect()
    }
}

#[tokio::test]
async fn what_comes_by_any_way_is_processed_once_and_confirmed_whatever_lies_between() {
    let clients = Clients::of_a_stack(&[]).await;
    let (status, _) = clients.record("e-1").await;
    assert_eq!(status, 404, "nothing was ever written, and that is no error");
    let document = reading("e-1", "potsdam");
    // The same event by all ways.
    clients.put("e-1.json", &document.to_string()).await;
    let (status, submitted) = clients.post(&document).await;
    assert_eq!((status, &submitted["result"]), (202, &json!("/events/e-1")));
    let published = clients.run(&["publish"], &document.to_string());
    assert_eq!(published["published"], json!(["e-1"]));

    // What is no commit, in the log; what is no event, in the queue; a file that is torn.
    clients.0.poison().await;
    let (queues, queue) = (clients.queues().await, clients.queue("submissions"));
    queues.send(&queue, NewMessage::new("poison")).await.unwrap();
    clients.put("torn.json", r#"{ "id": "e-torn", "stat"#).await;

    let others: Vec<String> = (2..=20).map(|n| format!("e-{n}")).collect();
    for id in &others {
        clients.put(&format!("{id}.json"), &reading(id, "brocken").to_string()).await;
    }
    for id in others.iter().map(String::as_str).chain(["e-1"]) {
        let record = clients.wait_for(id, "confirmed").await;
        let processed: es_core::Timestamp =
            record["confirmed_at"].as_str().unwrap().parse().unwrap();
        let expires = processed.as_second() + i64::try_from(KEEP.as_secs()).unwrap();
        assert_eq!(record["expires_at"], expires, "{record}");
    }
    let letters = eventually("what cannot be read is a dead letter", async || {
        let letters = clients.dead_letters();
        (letters.len() == 2).then_some(letters)
    })
    .await;
    for letter in &letters {
        assert_ne!(letter["failure"]["reason"], "attempts_used_up", "{letter}");
        assert_eq!(letter["failure"]["attempts"], 1, "{letter}");
    }
    // Two functions read the log, and each has told of the record that it could not read.
    eventually("the record is among the dead ones", async || {
        let dead = queues.counts(&clients.queue("dead-records")).await.unwrap();
        (dead.visible == 2).then_some(())
    })
    .await;
    for id in others.iter().map(String::as_str).chain(["e-1"]) {
        assert_eq!(clients.history(id).await, LIFE, "{id}");
    }
    clients.0.cure().await;
    clients.0.assert_view_is_the_fold(|| Records { keep: KEEP }).await;
    clients.0.delete().await;
}

#[tokio::test]
async fn what_fails_three_times_is_a_dead_letter_and_a_redrive_brings_it_back() {
    let clients = Clients::of_a_stack(&[("Outages", "zugspitze")]).await;
    // Left to its queue a message would be hidden for two minutes between attempts, longer than anything here is waited for.
    clients.put("e-1.json", &reading("e-1", "zugspitze").to_string()).await;
    assert_eq!(clients.post(&reading("e-2", "potsdam")).await.0, 202);
    clients.wait_for("e-2", "confirmed").await;
    let record = clients.wait_for("e-1", "failed").await;
    assert_eq!(record["failed_attempts"], 3);
    assert_eq!(record["reason"], "the station register does not answer");
    let letters = eventually("it is a dead letter", async || {
        let letters = clients.dead_letters();
        (letters.len() == 1).then_some(letters)
    })
    .await;
    let failure = &letters[0]["failure"];
    assert_eq!((&failure["reason"], &failure["attempts"]), (&json!("attempts_used_up"), &json!(3)));

    clients.repair("processor").await;
    let redriven = clients.run(&["dead-letters", "redrive", "--reason", "attempts_used_up"], "");
    assert_eq!(redriven["redriven"], 1);
    clients.wait_for("e-1", "confirmed").await;
    assert_eq!(clients.dead_letters(), Vec::<Value>::new());
    clients.0.delete().await;
}

#[tokio::test]
async fn a_program_that_runs_elsewhere_reads_the_files_of_the_bucket_while_the_function_rests() {
    let clients = Clients::of_a_stack(&[]).await;
    let serve = ["--roles", "process", "--bucket"];
    let nobodys = format!("{}nobodys", clients.0.prefix());
    let wrong = ["serve", "--port", "0"].iter().chain(&serve).copied().chain([nobodys.as_str()]);
    let refused = INGEST.run_on(clients.0.place(), wrong);
    assert_eq!(refused.error(), format!("error: there is no bucket {nobodys}"));

    clients.0.rest("processor").await;
    clients.put("e-1.json", &reading("e-1", "potsdam").to_string()).await;
    let flags: Vec<_> = serve.iter().copied().chain([clients.bucket()]).collect();
    let program = INGEST.serve_on(clients.0.place(), &flags);
    clients.wait_for("e-1", "confirmed").await;
    assert_eq!(clients.history("e-1").await, LIFE);
    program.kill();
    clients.0.delete().await;
}

#[tokio::test]
async fn the_api_refuses_what_is_not_valid_and_is_there_for_pages_of_an_origin() {
    let clients = Clients::of_a_stack(&[("AllowedOrigin", "https://stations.example.org")]).await;
    let (status, problem) = clients.post(&reading("e-1", "")).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/invalid")));
    let (status, _) = clients.post(&json!({ "id": "e-1", "station": "x".repeat(1 << 20) })).await;
    assert_eq!(status, 413);
    assert_eq!(clients.post(&reading("e-1", "helgoland")).await.0, 202);
    clients.wait_for("e-1", "confirmed").await;
    let (status, problem) = clients.post(&reading("e-1", "brocken")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/another-reading")));

    // The local server answers no preflight by what a template says, but it knows what that was.
    let url = format!("{}/v2/apis/{}", clients.0.place().endpoint(), clients.0.output("ApiId"));
    let api: Value = clients.0.client().get(url).send().await.unwrap().json().await.unwrap();
    let cors = &api["corsConfiguration"];
    assert_eq!(cors["AllowOrigins"], json!(["https://stations.example.org"]), "{api}");
    assert!(cors["AllowMethods"].as_array().unwrap().contains(&json!("POST")), "{api}");
    clients.0.delete().await;
}
