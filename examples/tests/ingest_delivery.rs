//! The intake of readings under load, outages and kills, from outside: nothing is lost, and nothing is done
//! twice.

mod support;

use std::collections::BTreeMap;

use es_core::{Incoming, QueueName, QueueOptions, ReceiveOptions};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
#[cfg(feature = "aws")]
use support::S3Inbox;
use support::{INGEST, Inbox, Ingested, LocalInbox, Server, eventually};

/// Makes a test of each function for each backend.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::$test(super::LocalInbox::new()).await; }
            )+
        }

        #[cfg(feature = "aws")]
        mod aws {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::$test(super::S3Inbox::new()).await; }
            )+
        }
    };
}

on_each_backend! {
    a_thousand_files_at_once_are_each_processed_once_or_a_dead_letter_with_its_reason,
    the_same_event_by_all_ways_at_the_same_time_is_processed_once,
    a_station_that_does_not_answer_fills_the_dead_letters_and_a_redrive_brings_them_back,
    every_subscriber_of_the_topic_gets_what_its_filter_takes,
    killed_again_and_again_it_processes_every_event_once,
}

/// What happens to an event that nothing goes wrong with.
const LIFE: [&str; 3] = ["Intake:Accepted", "Intake:Processed", "Intake:Confirmed"];

fn reading(id: &str, station: &str) -> Value {
    json!({
        "id": id, "station": station, "quantity": "temperature", "value": 4.5, "unit": "C",
        "measured_at": "2026-03-01T06:00:00Z",
    })
}

/// Somebody who uses a running server.
struct Client {
    http: reqwest::Client,
    url: String,
}

impl Client {
    fn of(server: &Server) -> Self {
        Self { http: reqwest::Client::new(), url: server.url.clone() }
    }

    async fn post(&self, document: &Value) -> u16 {
        let request = self
            .http
            .post(format!("{}/events", self.url))
            .header("content-type", "application/json")
            .body(document.to_string());
        request.send().await.unwrap().status().as_u16()
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// What is known of an event.
    async fn record(&self, id: &str) -> Value {
        let (_, text) = self.get(&format!("/events/{id}")).await;
        serde_json::from_str(&text).unwrap()
    }

    async fn wait_for(&self, id: &str, status: &str) -> Value {
        eventually(&format!("{id} is {status}"), async || {
            let record = self.record(id).await;
            (record["status"] == status).then_some(record)
        })
        .await
    }

    async fn wait_for_all(&self, ids: &[String], status: &str) {
        let wait = async |id: &String| drop(self.wait_for(id, status).await);
        stream::iter(ids).for_each_concurrent(4, wait).await;
    }

    /// The value of a metric; zero for one that is not there.
    async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse::<f64>().unwrap() as u64)
    }
}

fn serve(place: &impl Inbox, flags: &[&str]) -> Server {
    let quickly = place.quickly();
    INGEST.serve_on(place, &[&quickly, flags].concat())
}

fn dead_letters(place: &impl Inbox) -> Vec<Value> {
    let list = ["dead-letters", "list", "--limit", "1000", "--json"];
    INGEST.run_on(place, list).json().as_array().unwrap().clone()
}

async fn assert_each_lived_once(inside: &Ingested, ids: &[String]) {
    for id in ids {
        assert_eq!(inside.history(id).await, LIFE, "{id}");
    }
}

async fn a_thousand_files_at_once_are_each_processed_once_or_a_dead_letter_with_its_reason(
    place: impl Inbox,
) {
    const FILES: usize = 1_000;
    // Of fifty files one is not valid, and five are copies of others.
    let poison = |n: usize| n % 50 == 7;
    let copy = |n: usize| n % 10 == 3;
    let document = |n: usize| match n {
        n if n % 100 == 7 => format!("{{ \"id\": \"e-{n}\", \"stat"),
        n if poison(n) => {
            let mut hot = reading(&format!("e-{n}"), "potsdam");
            hot["value"] = json!(451);
            hot.to_string()
        }
        n if copy(n) => reading(&format!("e-{}", n - 1), "potsdam").to_string(),
        n => reading(&format!("e-{n}"), "potsdam").to_string(),
    };
    let valid: Vec<String> =
        (0..FILES).filter(|&n| !poison(n) && !copy(n)).map(|n| format!("e-{n}")).collect();
    assert_eq!(valid.len(), FILES - FILES / 10 - FILES / 50);

    let server = serve(&place, &[]);
    let put = async |n| place.put(&format!("{n}.json"), &document(n)).await;
    stream::iter(0..FILES).for_each_concurrent(16, put).await;
    let client = Client::of(&server);
    client.wait_for_all(&valid, "confirmed").await;
    let handled = async |outcome: &str| {
        client.metric(&format!("ingest_events_total{{outcome=\"{outcome}\"}}")).await
    };
    eventually("all files were handled", async || {
        let (copies, poison) = (handled("duplicate").await, handled("failed").await);
        (copies == 100 && poison == 20).then_some(())
    })
    .await;
    assert_eq!(handled("processed").await, 880);
    assert_each_lived_once(&place.inside().await, &valid).await;

    let letters = eventually("all that is not valid is a dead letter", async || {
        Some(dead_letters(&place)).filter(|letters| letters.len() == 20)
    })
    .await;
    let mut why: BTreeMap<String, usize> = BTreeMap::new();
    for letter in &letters {
        assert_eq!(letter["failure"]["reason"], "permanent", "{letter}");
        assert_eq!(letter["failure"]["attempts"], 1, "{letter}");
        *why.entry(letter["failure"]["error"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let torn: usize = why.iter().filter(|(why, _)| why.contains("not JSON")).map(|it| it.1).sum();
    assert_eq!(
        (torn, why.get("no temperature is outside of -100 to 70 C")),
        (10, Some(&10)),
        "{why:?}"
    );
    assert_eq!(client.metric("ingest_dead_letter_messages").await, 20);
}

async fn the_same_event_by_all_ways_at_the_same_time_is_processed_once(place: impl Inbox) {
    const COPIES: u64 = 8;
    let server = serve(&place, &[]);
    let client = Client::of(&server);
    let document = reading("e-1", "brocken");
    let put = async |n| {
        // Not byte for byte the same, and still the same event.
        let spaced = document.to_string() + &" ".repeat(n as usize);
        place.put(&format!("{n}.json"), &spaced).await;
    };
    let post = async |_| assert_eq!(client.post(&document).await, 202);
    let input = document.to_string().into_bytes();
    let publish = async || {
        let published = INGEST.run_with_input(&input, &place, ["publish", "--json"]).json();
        assert_eq!(published["published"], json!(["e-1"]));
    };
    tokio::join!(
        stream::iter(0..COPIES).for_each_concurrent(8, put),
        stream::iter(0..COPIES).for_each_concurrent(8, post),
        publish(),
    );
    client.wait_for("e-1", "confirmed").await;
    eventually("all of them were handled", async || {
        // The same message twice is recognised before it comes to the processor.
        let same = "es_messages_total{consumer=\"intake_processor\",outcome=\"duplicate\"}";
        let handled = client.metric(same).await
            + client.metric("ingest_events_total{outcome=\"duplicate\"}").await
            + client.metric("ingest_events_total{outcome=\"processed\"}").await;
        (handled == 2 * COPIES + 1).then_some(())
    })
    .await;
    assert_eq!(place.inside().await.history("e-1").await, LIFE);
    assert_eq!(dead_letters(&place), Vec::<Value>::new());
}

async fn a_station_that_does_not_answer_fills_the_dead_letters_and_a_redrive_brings_them_back(
    place: impl Inbox,
) {
    let server = serve(&place, &["--outage", "brocken", "--outage", "potsdam=1"]);
    let client = Client::of(&server);
    place.put("brocken.json", &reading("e-1", "brocken").to_string()).await;
    assert_eq!(client.post(&reading("e-2", "brocken")).await, 202);
    assert_eq!(client.post(&reading("e-3", "potsdam")).await, 202);
    for id in ["e-1", "e-2"] {
        let record = client.wait_for(id, "failed").await;
        assert_eq!(record["failed_attempts"], 3);
        assert_eq!(record["reason"], "the station register does not answer");
    }
    let record = client.wait_for("e-3", "confirmed").await;
    assert_eq!((&record["failed_attempts"], &record["reason"]), (&json!(1), &Value::Null));
    eventually("both are dead letters", async || {
        (client.metric("ingest_dead_letter_messages").await == 2).then_some(())
    })
    .await;
    assert_eq!(client.metric("ingest_errors_total{kind=\"unavailable\"}").await, 7);
    assert_eq!(client.metric("ingest_retries_total").await, 5);
    assert_eq!(client.get("/health").await.0, 503, "somebody has to look");

    let letters = dead_letters(&place);
    assert_eq!(letters.len(), 2);
    for letter in &letters {
        let failure = &letter["failure"];
        assert_eq!(
            (&failure["reason"], &failure["attempts"]),
            (&json!("attempts_used_up"), &json!(3))
        );
        let shown = INGEST.run_on(&place, ["dead-letters", "show", letter["id"].as_str().unwrap()]);
        assert!(shown.stdout.contains("does not answer"), "{shown:?}");
    }
    // While the cause is there, they come back.
    let redrive = ["dead-letters", "redrive", "--reason", "attempts_used_up", "--json"];
    let redriven = INGEST.run_on(&place, redrive).json();
    assert_eq!((&redriven["redriven"], &redriven["stayed"]), (&json!(2), &json!([])));
    eventually("they failed again, and are there again", async || {
        let errors = client.metric("ingest_errors_total{kind=\"unavailable\"}").await;
        let letters = client.metric("ingest_dead_letter_messages").await;
        (errors == 13 && letters == 2).then_some(())
    })
    .await;
    drop(server);

    let server = serve(&place, &[]);
    let client = Client::of(&server);
    let first = dead_letters(&place)[0]["id"].as_str().unwrap().to_owned();
    let one = INGEST.run_on(&place, ["dead-letters", "redrive", &first, "--json"]).json();
    assert_eq!(one["redriven"], 1);
    for (mark, redriven) in [("2020-01-01T00:00:00Z", 0), ("2120-01-01T00:00:00Z", 1)] {
        let redrive = ["dead-letters", "redrive", "--until", mark, "--json"];
        assert_eq!(INGEST.run_on(&place, redrive).json()["redriven"], redriven, "until {mark}");
    }
    for id in ["e-1", "e-2"] {
        client.wait_for(id, "confirmed").await;
        let history = place.inside().await.history(id).await;
        let count = |name: &str| history.iter().filter(|event| *event == name).count();
        assert_eq!((count("Intake:Processed"), count("Intake:GivenUp")), (1, 2), "{history:?}");
    }
    eventually("all is well", async || (client.get("/health").await.0 == 200).then_some(())).await;
}

async fn every_subscriber_of_the_topic_gets_what_its_filter_takes(place: impl Inbox) {
    let server = serve(&place, &[]);
    let client = Client::of(&server);
    let inside = place.inside().await;
    let queue = |name: &str| QueueName::new(&format!("{}-{name}", inside.backend.names.queue));
    let (documents, everything) = (queue("documents").unwrap(), queue("everything").unwrap());
    for (queue, filter) in [(&documents, r#"{"type":["Reading:Submitted"]}"#), (&everything, "{}")]
    {
        inside.queues().configure(queue, QueueOptions::default()).await.unwrap();
        let topic = &inside.backend.names.topic;
        inside.topics().subscribe(topic, queue, filter.parse().unwrap()).await.unwrap();
    }
    place.put("file.json", &reading("e-1", "potsdam").to_string()).await;
    assert_eq!(client.post(&reading("e-2", "potsdam")).await, 202);
    for id in ["e-1", "e-2"] {
        client.wait_for(id, "confirmed").await;
    }
    // What somebody else gets is not taken from the processor, and not kept from anybody.
    for (queue, expected) in [(&documents, 1), (&everything, 2)] {
        let mut received = Vec::new();
        eventually("the subscriber has its messages", async || {
            let some = inside.queues().receive(queue, ReceiveOptions::default()).await.unwrap();
            received.extend(some.iter().flat_map(|message| Incoming::of(message).unwrap()));
            (received.len() >= expected).then_some(())
        })
        .await;
        assert_eq!(received.len(), expected);
        let documents = received.iter().filter(|it| it.kind() == Some("Reading:Submitted"));
        assert_eq!(documents.count(), 1);
    }
}

async fn killed_again_and_again_it_processes_every_event_once(place: impl Inbox) {
    const EVENTS: usize = 60;
    let ids: Vec<String> = (0..EVENTS).map(|n| format!("e-{n}")).collect();
    for (round, chunk) in ids.chunks(EVENTS / 3).enumerate() {
        let server = serve(&place, &[]);
        let client = Client::of(&server);
        // The last ones of the round before are among the first that it works on.
        let put = async |id: &String| {
            place.put(&format!("{id}.json"), &reading(id, "potsdam").to_string()).await;
        };
        stream::iter(chunk).for_each_concurrent(8, put).await;
        eventually("some of them are processed", async || {
            let processed = client.metric("ingest_events_total{outcome=\"processed\"}").await;
            (processed >= 3 + round as u64).then_some(())
        })
        .await;
        server.kill();
    }
    let server = serve(&place, &[]);
    Client::of(&server).wait_for_all(&ids, "confirmed").await;
    assert_each_lived_once(&place.inside().await, &ids).await;
    assert_eq!(dead_letters(&place), Vec::<Value>::new());
    #[cfg(unix)]
    assert!(server.terminate(), "SIGTERM ends it orderly");
}
