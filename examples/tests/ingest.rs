//! The intake of readings from outside: as a command, and over HTTP.

mod support;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use es_core::{Error, NewMessage, QueueName, ReceiveOptions};
use serde_json::{Value, json};
#[cfg(feature = "aws")]
use support::S3Inbox;
use support::{INGEST, Inbox, LocalInbox, Output, Place as _, eventually};

fn reading(id: &str, station: &str) -> Value {
    json!({
        "id": id, "station": station, "quantity": "pressure", "value": 1000, "unit": "hPa",
        "measured_at": "2026-03-01T06:00:00Z",
    })
}

/// The main job on the shipped readings: 14 events, two of them in two files each, three invalid documents,
/// and four documents that are submitted by other ways, too.
fn the_main_job_takes_in_what_is_shipped(place: &impl Inbox) {
    let report = INGEST.run_on(place, ["--json"]).json();
    let expected = [
        ("published", 23),
        ("accepted", 14),
        ("processed", 14),
        ("confirmed", 14),
        ("duplicates", 6),
        ("retried", 6),
        ("dead_lettered", 5),
        ("redriven", 2),
        ("dead_letters", 3),
    ];
    for (figure, expected) in expected {
        assert_eq!(report[figure], expected, "{figure} in {report}");
    }
    let rate = report["processed_per_minute"].as_f64().unwrap();
    let seconds = report["seconds"].as_f64().unwrap();
    assert!((rate * seconds / 60.0 - 14.0).abs() < 1.0, "{report}");

    // What it says agrees with the records.
    let records = INGEST.run_on(place, ["list", "--json"]).json();
    let records = records.as_array().unwrap();
    let with = |status: &str| records.iter().filter(|it| it["status"] == status).count();
    assert_eq!((records.len(), with("confirmed"), with("failed")), (17, 14, 3));
    let failed = INGEST.run_on(place, ["list", "--status", "failed", "--json"]).json();
    let reasons: BTreeSet<&str> =
        failed.as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
    assert_eq!(
        reasons,
        BTreeSet::from([
            "no temperature is outside of -100 to 70 C",
            "the document is not JSON: line 1, column 56",
            "the station is not registered",
        ])
    );
    let zugspitze = INGEST.run_on(place, ["result", "zugspitze-2026-03-01T06-pressure"]).json();
    assert_eq!(
        (&zugspitze["status"], &zugspitze["failed_attempts"]),
        (&json!("confirmed"), &json!(3))
    );
    let brocken = INGEST.run_on(place, ["result", "brocken-2026-03-01T06-pressure"]).json();
    let measured = brocken["measurement"]["value"].as_f64().unwrap();
    assert!((1_005.0..1_015.0).contains(&measured), "at sea level: {brocken}");
}

mod embedded {
    #[test]
    fn the_main_job_takes_in_what_is_shipped() {
        super::the_main_job_takes_in_what_is_shipped(&super::LocalInbox::new());
    }
}

#[cfg(feature = "aws")]
mod aws {
    #[test]
    fn the_main_job_takes_in_what_is_shipped() {
        super::the_main_job_takes_in_what_is_shipped(&super::S3Inbox::new());
    }
}

#[test]
fn a_second_run_on_the_same_data_recognises_everything() {
    let place = LocalInbox::new();
    INGEST.run_on(&place, ["--json"]).json();
    let again = INGEST.run_on(&place, ["--json"]).json();
    // The files were published before; the four documents that come by other ways, too, are duplicates.
    let expected = [("published", 4), ("processed", 0), ("duplicates", 4), ("dead_letters", 3)];
    for (figure, expected) in expected {
        assert_eq!(again[figure], expected, "{figure} in {again}");
    }
}

#[test]
fn people_get_totals_tables_and_the_place_of_the_data() {
    let readings = tempfile::tempdir().unwrap();
    std::fs::write(readings.path().join("a.json"), reading("e-1", "potsdam").to_string()).unwrap();
    std::fs::write(readings.path().join("b.json"), "torn").unwrap();
    let run = INGEST.run(["--readings", readings.path().to_str().unwrap()]);
    assert!(run.success, "{run:?}");
    assert!(run.stderr.starts_with("note: the data is in "), "said before all: {}", run.stderr);
    for expected in ["processed: 1", "duplicates: 1", "in the dead letters: 1", "per minute"] {
        assert!(run.stdout.contains(expected), "no {expected:?} in {}", run.stdout);
    }
    let data = run.stdout.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data = Path::new(data);
    let list = INGEST.run_on(data, ["list"]);
    assert!(list.stdout.contains("e-1") && list.stdout.contains("confirmed"), "{list:?}");
    let letters = INGEST.run_on(data, ["dead-letters"]);
    assert!(
        letters.stdout.contains("b.json") && letters.stdout.contains("not JSON"),
        "{letters:?}"
    );

    let id = INGEST.run_on(data, ["dead-letters", "--json"]).json()[0]["id"].clone();
    let id = id.as_str().unwrap();
    assert!(INGEST.run_on(data, ["dead-letters", "drop", id]).stdout.contains(id));
    assert!(INGEST.run_on(data, ["dead-letters"]).stdout.contains("there are none"));
    let gone = INGEST.run_on(data, ["dead-letters", "show", id]);
    assert!(gone.error().contains("no dead letter"), "{gone:?}");
    std::fs::remove_dir_all(data).unwrap();
}

#[tokio::test]
async fn pages_of_other_origins_may_submit_and_ask() {
    let place = LocalInbox::new();
    let http = reqwest::Client::new();
    for (flags, origin, allowed) in [
        (&[][..], "https://anywhere.example", Some("*")),
        (&["--allow-origin", "https://a.example"], "https://a.example", Some("https://a.example")),
        (&["--allow-origin", "https://a.example"], "https://b.example", None),
    ] {
        let server = INGEST.serve_on(&place, flags);
        let url = format!("{}/events", server.url);
        let preflight = http
            .request(reqwest::Method::OPTIONS, &url)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
            .await
            .unwrap();
        assert_eq!(preflight.status(), 200);
        let header = |response: &reqwest::Response, name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_lowercase())
        };
        assert_eq!(header(&preflight, "access-control-allow-origin").as_deref(), allowed);
        let methods = header(&preflight, "access-control-allow-methods").unwrap();
        assert!(methods.contains("post") && methods.contains("get"), "{methods}");
        let headers = header(&preflight, "access-control-allow-headers").unwrap();
        assert!(headers.contains("content-type"), "{headers}");

        let document = reading("e-1", "potsdam").to_string();
        let request = http.post(&url).header("content-type", "application/json");
        let posted = request.header("origin", origin).body(document).send().await.unwrap();
        assert_eq!(posted.status(), 202);
        assert_eq!(header(&posted, "access-control-allow-origin").as_deref(), allowed);
        assert_eq!(header(&posted, "location").as_deref(), Some("/events/e-1"));
        let exposed = header(&posted, "access-control-expose-headers").unwrap();
        assert!(exposed.contains("location"), "a page may read it: {exposed}");
        for operators in ["health", "metrics"] {
            let request = http.get(format!("{}/{operators}", server.url)).header("origin", origin);
            let answer = request.send().await.unwrap();
            assert_eq!(header(&answer, "access-control-allow-origin"), None, "{operators}");
        }
    }
}

#[tokio::test]
async fn requests_that_are_wrong_are_answered_with_what_is_wrong() {
    let place = LocalInbox::new();
    let server = INGEST.serve_on(&place, &[]);
    let http = reqwest::Client::new();
    let post = async |kind: &str, body: String| {
        let request = http.post(format!("{}/events", server.url)).header("content-type", kind);
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        let problem: Value = response.json().await.unwrap();
        (status, problem["type"].as_str().unwrap_or_default().to_owned(), problem.to_string())
    };
    const JSON: &str = "application/json";
    let mut hot = reading("e-1", "potsdam");
    hot["value"] = json!(4_000);
    for (kind, body, status, problem, detail) in [
        (JSON, "torn".to_owned(), 400, "/problems/bad-body", "not JSON"),
        (JSON, "{}".to_owned(), 422, "/problems/invalid", "station"),
        (JSON, hot.to_string(), 422, "/problems/invalid", "no pressure is outside"),
        ("text/plain", hot.to_string(), 415, "/problems/media-type", "application/json is taken"),
        (JSON, " ".repeat(16 * 1024 + 1), 413, "/problems/too-large", "16384"),
        (JSON, " ".repeat(64 * 1024), 413, "/problems/bad-body", "length limit"),
    ] {
        let (answered, kind, text) = post(kind, body).await;
        assert_eq!((answered, kind.as_str()), (status, problem), "{text}");
        assert!(text.contains(detail), "no {detail:?} in {text}");
    }
    let get = async |path: &str| {
        let response = http.get(format!("{}{path}", server.url)).send().await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(get("/events/nobody").await, 404);
    assert_eq!(get("/events/no%20id").await, 400);
    assert_eq!(get("/events").await, 405);
    assert_eq!(get("/nothing").await, 404);
    assert_eq!(get("/health").await, 200);
    assert_eq!(INGEST.run_on(&place, ["list", "--json"]).json(), json!([]));
}

#[tokio::test]
async fn what_is_in_a_bad_document_is_said_nowhere() {
    const MARKER: &str = "hunter2-ada-lovelace";
    let place = LocalInbox::new();
    let flags = ["serve", "--port", "0", "--scan-every", "50ms"];
    let mut serving = INGEST.start_on(&place, flags);
    let listening = serving.printed("listening on ");
    let url = listening.strip_prefix("listening on ").unwrap();
    let fields = ["id", "station", "quantity", "value", "unit", "measured_at", MARKER];
    for (n, field) in fields.into_iter().enumerate() {
        let mut document = reading(&format!("e-{n}"), "potsdam");
        // An id may not have a space in it, and this one becomes none.
        let said = if field == "id" { format!("{MARKER} it is") } else { MARKER.to_owned() };
        document[field] = json!(said);
        place.put(&format!("{n}.json"), &document.to_string()).await;
    }
    place.put("torn.json", &format!("{{\"id\": \"e-torn\", {MARKER}")).await;
    let inside = place.inside().await;
    let documents = fields.len() + 1;
    eventually("all are dead letters", async || {
        let dead = inside.ingest.dead_letter_count().await.unwrap();
        (dead == documents as u64).then_some(())
    })
    .await;
    let letters = INGEST.run_on(&place, ["dead-letters", "--json"]);
    let mut said = vec![("the list of dead letters", letters.stdout.clone())];
    for letter in letters.json().as_array().unwrap() {
        // Their messages tell of files, so there is nothing of a document in them.
        let show = ["dead-letters", "show", letter["id"].as_str().unwrap(), "--json"];
        said.push(("a dead letter", INGEST.run_on(&place, show).stdout));
    }
    let health = reqwest::get(format!("{url}/health")).await.unwrap().text().await.unwrap();
    said.push(("/health", health));
    said.push(("the records", INGEST.run_on(&place, ["list", "--json"]).stdout));
    said.push(("the event log", inside.all_that_happened().await));
    let Output { stderr, .. } = serving.kill();
    assert_eq!(stderr.matches("cannot be handled").count(), documents, "{stderr}");
    said.push(("the log", stderr));
    for (where_to, text) in said {
        assert!(!text.is_empty() && !text.contains(MARKER), "{where_to}: {text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_no_message_can_name_is_said_once_and_shown_until_it_is_renamed() {
    let place = LocalInbox::new();
    let mut serving = INGEST.start_on(&place, ["serve", "--port", "0", "--scan-every", "20ms"]);
    let listening = serving.printed("listening on ");
    let url = listening.strip_prefix("listening on ").unwrap();
    place.put("bad\u{1}\n.json", &reading("e-1", "potsdam").to_string()).await;
    let get = async |path: &str| reqwest::get(format!("{url}/{path}")).await.unwrap();
    let health = async || get("health").await.json::<Value>().await.unwrap();
    eventually("it is counted", async || {
        (health().await["directory"]["unnameable"] == 1).then_some(())
    })
    .await;
    assert_eq!(health().await["well"], false);
    let metrics = get("metrics").await.text().await.unwrap();
    assert!(metrics.contains("ingest_unnameable_files 1"), "{metrics}");
    // By then there were more scans.
    place.put("good.json", &reading("e-2", "potsdam").to_string()).await;
    assert!(INGEST.run_on(&place, ["result", "e-2", "--wait", "60s"]).success);
    std::fs::rename(place.inbox().join("bad\u{1}\n.json"), place.inbox().join("fine.json"))
        .unwrap();
    assert!(INGEST.run_on(&place, ["result", "e-1", "--wait", "60s"]).success);
    assert_eq!(health().await["well"], true);
    let Output { stderr, .. } = serving.interrupt();
    assert_eq!(stderr.matches("never published under this name").count(), 1, "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[tokio::test]
async fn the_metrics_tell_how_the_work_goes_and_each_process_its_own() {
    let place = LocalInbox::new();
    let quickly = place.quickly();
    let api = INGEST.serve_on(&place, &["--roles", "api"]);
    let others = ["--roles", "watch,process,confirm,project"];
    let worker =
        INGEST.serve_on(&place, &[&quickly[..], &others, &["--outage", "potsdam=1"]].concat());
    let http = reqwest::Client::new();
    let get = async |url: &str, path: &str| http.get(format!("{url}{path}")).send().await.unwrap();

    let posted =
        http.post(format!("{}/events", api.url)).header("content-type", "application/json");
    let posted = posted.body(reading("e-1", "potsdam").to_string()).send().await.unwrap();
    assert_eq!(posted.status(), 202);
    place.put("torn.json", "torn").await;
    eventually("the event is confirmed", async || {
        let record: Value = get(&api.url, "/events/e-1").await.json().await.unwrap();
        (record["status"] == "confirmed").then_some(())
    })
    .await;
    let metrics = eventually("the torn file is a dead letter", async || {
        let metrics = get(&worker.url, "/metrics").await;
        let kind = metrics.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        let text = metrics.text().await.unwrap();
        text.contains("ingest_dead_letter_messages 1").then_some(text)
    })
    .await;
    for expected in [
        // Events processed per minute, processing time, errors and retries, dead letters.
        "# TYPE ingest_events_processed_per_minute gauge",
        "ingest_events_processed_per_minute 1",
        "# TYPE ingest_processing_seconds histogram",
        "ingest_processing_seconds_count{outcome=\"processed\"} 1",
        "ingest_processing_seconds_count{outcome=\"failed\"} 2",
        "ingest_events_total{outcome=\"processed\"} 1",
        "ingest_errors_total{kind=\"invalid\"} 1",
        "ingest_errors_total{kind=\"unavailable\"} 1",
        "ingest_retries_total 1",
        // Those of the library come along.
        "es_messages_total{consumer=\"intake_processor\",outcome=\"retried\"} 1",
        "es_messages_total{consumer=\"intake_confirmer\",outcome=\"done\"} 1",
        "es_commands_total{category=\"intake\"",
    ] {
        assert!(metrics.contains(expected), "no {expected:?} in {metrics}");
    }
    let of_api = get(&api.url, "/metrics").await.text().await.unwrap();
    assert!(of_api.contains("ingest_events_total{outcome=\"processed\"} 0"), "{of_api}");
    assert!(of_api.contains("ingest_dead_letter_messages 1"), "{of_api}");
    assert_eq!(get(&worker.url, "/events/e-1").await.status(), 404, "it has no such role");
    let health: Value = get(&worker.url, "/health").await.json().await.unwrap();
    assert_eq!(health["well"], false, "{health}");
    #[cfg(unix)]
    assert!(api.terminate() && worker.terminate(), "SIGTERM ends them orderly");
}

#[tokio::test]
async fn a_client_waits_for_its_result_and_no_longer_than_it_says() {
    let place = LocalInbox::new();
    // The second attempt comes much later.
    let server = INGEST.serve_on(&place, &["--retry-after", "1h", "--outage", "brocken"]);
    let document = reading("e-1", "potsdam").to_string();
    let published = INGEST.run_with_input(document.as_bytes(), &place, ["publish"]);
    assert!(published.stdout.contains("published: e-1"), "{published:?}");
    let result = INGEST.run_on(&place, ["result", "e-1", "--wait", "60s"]).json();
    assert_eq!(result["status"], "confirmed");
    assert_eq!(result["origin"], json!({ "by": "message", "source": "/ingest/command-line" }));

    let nothing = INGEST.run_on(&place, ["result", "nobody", "--wait", "200ms"]);
    let sentence = nothing.error();
    assert!(sentence.contains("no result of nobody after 200ms: nothing is known"), "{sentence}");
    let unknown = INGEST.run_on(&place, ["result", "nobody"]);
    assert!(unknown.error().contains("nothing is known of the event nobody"), "{unknown:?}");

    let file = place.data().join("document.json");
    let documents = [reading("e-2", "brocken"), reading("e-3", "potsdam")];
    std::fs::write(&file, documents.map(|it| it.to_string()).join("\n")).unwrap();
    let published = INGEST.run_on(&place, ["publish", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(published["published"], json!(["e-2", "e-3"]));
    eventually("the first attempt has failed", async || {
        let known = INGEST.run_on(&place, ["result", "e-2"]);
        known.success.then(|| assert_eq!(known.json()["status"], "retrying"))
    })
    .await;
    let late = INGEST.run_on(&place, ["result", "e-2", "--wait", "200ms"]);
    assert!(late.error().contains("after 200ms: it is retrying now"), "{late:?}");
    drop(server);
}

#[tokio::test]
async fn whoever_submits_another_reading_under_an_id_is_told_and_can_compare() {
    let place = LocalInbox::new();
    let server = INGEST.serve_on(&place, &[]);
    let http = reqwest::Client::new();
    let post = async |document: String| {
        let request = http.post(format!("{}/events", server.url));
        let request = request.header("content-type", "application/json").body(document);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let mut document = reading("e-1", "potsdam");
    let (status, submitted) = post(document.to_string()).await;
    assert_eq!(status, 202, "{submitted}");
    let record = INGEST.run_on(&place, ["result", "e-1", "--wait", "60s"]).json();
    assert_eq!(record["digest"], submitted["digest"], "{record}");
    assert!(submitted["digest"].as_str().unwrap().starts_with("sha256-"), "{submitted}");

    // The same in other words is no other reading.
    document["value"] = json!(1000.0);
    document["measured_at"] = json!("2026-03-01T07:00:00+01:00");
    let (status, again) = post(format!(" {document} ")).await;
    assert_eq!((status, &again["digest"]), (202, &submitted["digest"]), "{again}");

    document["value"] = json!(1001);
    let (status, problem) = post(document.to_string()).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/another-reading")));
    let theirs = submitted["digest"].as_str().unwrap();
    assert!(problem["detail"].as_str().unwrap().contains(theirs), "{problem}");

    // At the same time nobody knows yet; the digests tell whose reading it became.
    let documents = [2, 3].map(|value| {
        let mut document = reading("e-2", "potsdam");
        document["value"] = json!(1000 + value);
        document.to_string()
    });
    let [one, other] = documents.map(&post);
    let ((_, one), (_, other)) = tokio::join!(one, other);
    let record = INGEST.run_on(&place, ["result", "e-2", "--wait", "60s"]).json();
    let is_it = [&one, &other].map(|submitted| submitted["digest"] == record["digest"]);
    assert_eq!(is_it.iter().filter(|it| **it).count(), 1, "{record}: {one}, {other}");
}

#[tokio::test]
async fn a_record_expires_and_its_event_is_still_known() {
    let place = LocalInbox::new();
    let server = INGEST.serve_on(&place, &["--keep", "1s"]);
    let post = async || {
        let request = reqwest::Client::new().post(format!("{}/events", server.url));
        let request = request.header("content-type", "application/json");
        let posted = request.body(reading("e-1", "potsdam").to_string()).send().await.unwrap();
        assert_eq!(posted.status(), 202);
    };
    post().await;
    let inside = place.inside().await;
    eventually("it is confirmed", async || (inside.history("e-1").await.len() == 3).then_some(()))
        .await;
    let is_gone = async || {
        let record = reqwest::get(format!("{}/events/e-1", server.url)).await.unwrap();
        (record.status() == 404).then_some(())
    };
    eventually("its record is expired", is_gone).await;
    // In another file, so that it is another message.
    place.put("again.json", &reading("e-1", "potsdam").to_string()).await;
    eventually("it is recognised", async || {
        let metrics = reqwest::get(format!("{}/metrics", server.url)).await.unwrap();
        let text = metrics.text().await.unwrap();
        text.contains("ingest_events_total{outcome=\"duplicate\"} 1").then_some(())
    })
    .await;
    assert_eq!(inside.history("e-1").await.len(), 3);
    eventually("it has no record by that", is_gone).await;
}

#[test]
fn what_goes_wrong_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let missing = path("missing");
    let sentence = |arguments: &[&str]| INGEST.run(arguments).error().to_owned();
    assert!(sentence(&["--readings", &missing]).contains("missing cannot be read"));
    for command in [&["list"][..], &["result", "e-1"], &["dead-letters"]] {
        let nothing = sentence(&[command, &["--data-dir", &missing]].concat());
        assert!(nothing.contains("no ingest data"), "{nothing}");
        assert!(sentence(command).contains("--data-dir"), "{command:?}");
    }
    assert!(!Path::new(&missing).exists(), "a look must not make anything");
    assert!(sentence(&["list", "--data-dir", &missing, "--create"]).contains("--create goes with"));
    assert!(sentence(&["list", "--backend", "aws", "--watch", "d"]).contains("--watch goes with"));
    assert!(sentence(&["--readings", "d", "list"]).contains("--readings goes without"));
    let twice = ["--data-dir", &missing, "--queue", "q", "--confirmation-queue", "q"];
    assert!(sentence(&twice).contains("queue q is there twice"));
    assert!(sentence(&["list", "--topic", "a b", "--data-dir", &missing]).contains("topic"));

    let empty = path("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(sentence(&["--readings", &empty]).contains("no .json files"));
    let file = path("file");
    std::fs::write(&file, "in the way").unwrap();
    assert!(sentence(&["--data-dir", &file]).contains("cannot be made"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(sentence(&["serve", "--port", &port, "--data-dir", &path("d")]).contains(&port));

    let data = path("data");
    let publish = |input: &str| {
        INGEST.run_with_input(input.as_bytes(), Path::new(&data), ["publish"]).error().to_owned()
    };
    let good = reading("e-1", "potsdam").to_string();
    assert!(publish("").contains("there is no document in it"));
    assert!(publish(&format!("{good} torn")).contains("standard input: "));
    assert!(publish(&format!("{good} {{}}")).contains("document 2: the document is no reading"));
    assert!(!Path::new(&data).exists(), "nothing is published before all of it can be");
    assert!(
        sentence(&["publish", &missing, "--data-dir", &data]).contains("missing cannot be read")
    );
    assert!(INGEST.run_with_input(good.as_bytes(), Path::new(&data), ["publish"]).success);
    let on_data = |command: &[&str]| INGEST.run_on(Path::new(&data), command);
    let error = |command: &[&str]| on_data(command).error().to_owned();
    assert!(error(&["dead-letters", "drop", "nobody"]).contains("no dead letter nobody"));
    assert!(error(&["dead-letters", "redrive", "nobody"]).contains("no such dead letter"));
    let misplaced = error(&["dead-letters", "--limit", "1", "redrive", "--all"]);
    assert!(misplaced.contains("behind the subcommand"), "{misplaced}");

    // Flags are clap's matter: it says what it would have taken.
    for (command, hint) in [
        (&["--colour"][..], "--colour"),
        (&["list", "--status", "lost"], "there are retrying"),
        (&["result", "no id"], "ASCII letters"),
        (&["result", "e-1", "--wait", "soon"], "not a length of time"),
        (&["serve", "--outage", "=3"], "no station"),
        (&["serve", "--roles", "cook"], "possible values"),
        (&["dead-letters", "redrive"], "--all"),
        (&["dead-letters", "redrive", "--all", "--reason", "permanent"], "--all"),
        (&["dead-letters", "list", "--limit", "0"], "--limit"),
        (&["serve", "--keep", "7"], "not a length of time"),
    ] {
        let Output { code, stderr, .. } = on_data(command);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(hint), "{stderr}");
    }
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn whoever_a_bucket_told_of_its_objects_is_still_told() {
    let place = S3Inbox::new();
    let queue = format!("q{}", uuid::Uuid::now_v7().simple());
    place.with_a_queue_that_is_told_of_removals(&queue).await;
    for _ in 0..2 {
        let published = reading("e-1", "potsdam").to_string();
        assert!(INGEST.run_with_input(published.as_bytes(), &place, ["publish"]).success);
        let told = place.notifications().await;
        assert!(told.contains(&queue) && told.contains("s3:ObjectRemoved:*"), "{told}");
        assert_eq!(told.matches("<TopicConfiguration>").count(), 1, "{told}");
    }
}

#[cfg(feature = "aws")]
#[test]
fn an_endpoint_where_nobody_answers_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let list = INGEST.run(["list", "--backend", "aws", "--endpoint-url", &url]);
    assert!(list.error().contains(&url), "{list:?}");
}

#[test]
fn names_come_from_the_environment() {
    let place = LocalInbox::new();
    let readings = tempfile::tempdir().unwrap();
    std::fs::write(readings.path().join("a.json"), "torn").unwrap();
    let mut arguments: Vec<OsString> = vec!["--json".into(), "--readings".into()];
    arguments.push(readings.path().into());
    arguments.extend(place.arguments());
    let environment: [(&str, &OsStr); 3] = [
        ("TABLE_NAME", "harbour-".as_ref()),
        ("QUEUE_NAME", "arrivals".as_ref()),
        ("DEAD_LETTER_QUEUE_NAME", "lost".as_ref()),
    ];
    let run = INGEST.start_with(&environment, &arguments).finish();
    assert_eq!(run.json()["dead_letters"], 1);
    // By their names it is found, and elsewhere it is not.
    let named =
        ["--table-prefix", "harbour-", "--queue", "arrivals", "--dead-letter-queue", "lost"];
    let list =
        |names: &[&str]| INGEST.run_on(&place, [&["dead-letters", "--json"], names].concat());
    assert_eq!(list(&named).json()[0]["queue"], "arrivals");
    assert!(list(&[]).error().contains("there is no queue ingest-"), "{:?}", list(&[]));
}

#[tokio::test]
async fn a_redrive_says_what_it_could_not_look_at() {
    let place = LocalInbox::new();
    let inside = place.inside().await;
    let (queues, dead) = (inside.queues(), &inside.backend.names.dead_letters);
    queues.send(dead, NewMessage::new("a letter")).await.unwrap();
    let an_hour = ReceiveOptions::default().visibility_timeout(Duration::from_secs(60 * 60));
    let at_hand = queues.receive(dead, an_hour).await.unwrap();
    assert_eq!(at_hand.len(), 1);
    let redrive = ["dead-letters", "redrive", "--all"];
    let said = INGEST.run_on(&place, redrive);
    let note = "note: 1 dead letter could not be looked at now: try again later";
    assert!(said.success && said.stdout.contains(note), "{said:?}");
    let json = INGEST.run_on(&place, [&redrive[..], &["--json"]].concat()).json();
    assert_eq!(json, json!({ "redriven": 0, "stayed": [], "unseen": 1 }));
    let id = at_hand[0].id.to_string();
    let named = INGEST.run_on(&place, ["dead-letters", "redrive", &id]);
    assert_eq!(named.code, Some(1));
    assert!(named.stderr.contains("no such dead letter could be looked at now"), "{named:?}");
}

#[tokio::test]
async fn a_look_makes_nothing_and_sets_nothing_up() {
    let place = LocalInbox::new();
    let published = reading("e-1", "potsdam").to_string();
    assert!(INGEST.run_with_input(published.as_bytes(), &place, ["publish"]).success);
    let inside = place.inside().await;
    let names = inside.backend.names.clone();
    let set_up = async || inside.queues().options(&names.queue).await.unwrap();
    let before = set_up().await;
    for (flag, missing) in [
        ("--topic", "there is no topic typo"),
        ("--queue", "there is no queue typo"),
        ("--confirmation-queue", "there is no queue typo"),
        ("--dead-letter-queue", "there is no queue typo"),
        ("--table-prefix", "there is no queue typo"),
    ] {
        for look in [&["list"][..], &["result", "e-1"], &["dead-letters", "list"]] {
            let looked = INGEST.run_on(&place, [look, &[flag, "typo"]].concat());
            assert!(looked.error().contains(missing), "{flag}: {looked:?}");
        }
    }
    assert_eq!(set_up().await, before, "it gives its dead letters to the queue that it did");
    let typo = QueueName::new("typo").unwrap();
    let made = inside.queues().options(&typo).await;
    assert!(matches!(made, Err(Error::NoSuchQueue { .. })), "{made:?}");

    let elsewhere = place.data().join("new/inbox");
    let list = ["list", "--json", "--watch", elsewhere.to_str().unwrap()];
    assert_eq!(INGEST.run_on(&place, list).json(), json!([]));
    assert!(!place.data().join("new").exists());
    let create = ["list", "--backend", "aws", "--create"];
    assert!(INGEST.run(create).error().contains("--create goes with `serve`"));
}
