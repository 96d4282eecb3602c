//! What operators do when something cannot be handled: incidents of the dispensary, from outside.

mod support;

use std::path::Path;

use es_core::{
    Appended, CommitId, EncodedEvents, EncodedMetadata, EventStore as _, Expected, NewCommit,
    StreamId, SystemEntropy, Timestamp,
};
use es_sqlite::SqliteStore;
use serde_json::{Value, json};
use support::{
    Client, DISPENSARY, PRESCRIPTION, Server, dispensary, dispensary_on, eventually, stored_file,
};

const ANALYSIS: &str = "prescription_analysis";
const VIEWS: [&str; 2] = ["dispense_list_v1", "dispense_detail_v1"];
const LOST: &str =
    "Patient: Ada Example\n\nRamipril 5 mg capsules, take 1 capsule once daily, #28\n";
const CORRECTED: &str =
    "Patient: Ada Example\n\nRamipril 10 mg capsules, take 1 capsule once daily, #28\n";

/// What `command` prints as JSON; it must succeed.
fn json_of(data: &Path, command: &[&str]) -> Value {
    dispensary_on(data, command.iter().chain(&["--json"])).json()
}

/// What `command` prints as JSON before it fails, and its sentence.
fn failure_of(data: &Path, command: &[&str]) -> (Value, String) {
    let run = dispensary_on(data, command.iter().chain(&["--json"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    (serde_json::from_str(&run.stdout).unwrap(), run.error().to_owned())
}

/// A dispense whose first prescription is lost before it is analyzed, and whose corrected one comes
/// behind it. Nothing is analyzed before the policy is resumed.
async fn with_a_lost_file(client: &Client, data: &Path) -> String {
    assert!(dispensary_on(data, ["pause", ANALYSIS]).success);
    let id = client.start("lost").await;
    client.upload(&id, LOST).await;
    client.upload(&id, CORRECTED).await;
    std::fs::remove_file(stored_file(data, LOST)).unwrap();
    id
}

/// Returns when the policy has parked both.
async fn parked(data: &Path) -> Value {
    eventually("both uploads are parked", async || {
        let letters = json_of(data, &["dead-letters"]);
        (letters.as_array().unwrap().len() == 2).then_some(letters)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poison_event_parks_one_dispense_and_others_flow_until_it_is_retried() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::start(data);
    let client = Client::of(&server);
    let id = with_a_lost_file(&client, data).await;
    let stream = format!("dispense:{id}");
    let other = client.start("other").await;
    client.upload(&other, PRESCRIPTION).await;
    assert!(dispensary_on(data, ["resume", ANALYSIS]).success);

    // The others flow; who waits for this one is told at once.
    let (status, detail) = client.dispense_at(&other, 3).await;
    assert_eq!((status, &detail["status"]), (200, &json!("ready")), "{detail}");
    let (status, problem) = client.dispense_at(&id, 4).await;
    assert_eq!((status, &problem["type"]), (500, &json!("/problems/parked")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&stream), "{problem}");
    assert_eq!(client.dispense_at(&id, 3).await.0, 200, "what is in the log is shown");

    // Who looks finds which, and why.
    let letters = parked(data).await;
    for (letter, version) in letters.as_array().unwrap().iter().zip([2, 3]) {
        assert_eq!(letter["consumer"], ANALYSIS);
        assert_eq!(letter["stream"], stream);
        assert_eq!(
            (&letter["first_version"], &letter["last_version"]),
            (&json!(version), &json!(version))
        );
        assert_eq!(letter["events"], json!(["Dispense:PrescriptionUploaded"]));
    }
    assert_eq!(letters[0]["failure"]["attempts"], 1);
    assert!(letters[0]["failure"]["error"].as_str().unwrap().contains("is not there any more"));
    assert!(letters[1].get("failure").is_none(), "it only waits: {}", letters[1]);
    let table = dispensary_on(data, ["dead-letters", "list", "--consumer", ANALYSIS]).stdout;
    assert!(table.contains("failed once") && table.contains("waits behind"), "{table}");

    let shown = json_of(data, &["dead-letters", "show", ANALYSIS, &stream]);
    assert_eq!(shown.as_array().unwrap().len(), 2);
    assert_eq!(shown[0]["metadata"]["command"], "UploadPrescription");
    let event = &shown[0]["stored_events"][0];
    assert_eq!((&event["version"], &event["schema_version"]), (&json!(2), &json!(1)));
    assert_eq!(event["data"]["size"], LOST.len());
    let shown = dispensary_on(data, ["dead-letters", "show", ANALYSIS, &stream]).stdout;
    assert!(shown.contains("version 3: waits behind") && shown.contains("sha256"), "{shown}");

    let (health, complaint) = failure_of(data, &["health"]);
    assert_eq!(health["well"], false);
    assert_eq!(complaint, format!("error: {ANALYSIS} has dead letters: 2 commits of 1 stream"));
    let (status, served) = client.get("/health").await;
    assert_eq!((status, &served["well"]), (503, &json!(false)));
    let analysis = &served["consumers"][0];
    assert_eq!((&analysis["consumer"], &analysis["state"]), (&json!(ANALYSIS), &json!("running")));
    assert_eq!((&analysis["parked_streams"], &analysis["dead_letters"]), (&json!(1), &json!(2)));
    assert_eq!(analysis["lag_commits"], 0, "the feed is not held up");

    // Trying again too early changes nothing, and does not let the second go before the first.
    let (retried, sentence) = failure_of(data, &["dead-letters", "retry", "--stream", &stream]);
    assert_eq!((&retried["handled"], &retried["freed"]), (&json!(0), &json!([])));
    assert_eq!(retried["failed"][0]["stream"], stream);
    assert!(sentence.contains("1 stream failed again"), "{sentence}");
    assert!(!client.events(&id).await.contains(&"Dispense:PrescriptionAnalyzed".to_owned()));
    let letters = json_of(data, &["dead-letters", "--limit", "1"]);
    assert_eq!(letters.as_array().unwrap().len(), 1);
    assert_eq!(letters[0]["failure"]["attempts"], 2);

    // The file comes back from a backup.
    let digest = event["data"]["sha256"].as_str().unwrap();
    std::fs::write(data.join(format!("objects/prescriptions/{digest}.txt")), LOST).unwrap();
    let retried = json_of(data, &["dead-letters", "retry", "--all"]);
    // Both, and if the server was quick what came of the second, which had to wait as well.
    assert!((2..=3).contains(&retried["handled"].as_u64().unwrap()), "{retried}");
    assert_eq!(retried["failed"], json!([]));
    assert_eq!(retried["freed"], json!([{ "consumer": ANALYSIS, "stream": stream }]));
    let (status, detail) = client.dispense_at(&id, 4).await;
    assert_eq!((status, &detail["status"]), (200, &json!("ready")));
    assert_eq!(detail["findings"]["items"][0]["strength"]["parts"][0]["amount"], "10", "{detail}");
    let events = client.events(&id).await;
    assert_eq!(events.last().unwrap(), "Dispense:PrescriptionAnalyzed");
    assert_eq!(events.len(), 4, "{events:?}");

    assert!(dispensary_on(data, ["health"]).success);
    assert_eq!(client.get("/health").await.0, 200);
    assert_eq!(json_of(data, &["dead-letters"]), json!([]));

    // Reacting to everything again has no effect twice.
    assert!(dispensary_on(data, ["rewind", ANALYSIS, "--to-start"]).success);
    client.start("one more").await;
    eventually("the policy has seen everything again", async || {
        let (_, health) = client.get("/health").await;
        (health["consumers"][0]["lag_commits"] == 0).then_some(())
    })
    .await;
    assert_eq!(client.events(&id).await, events);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_event_is_kept_on_record_and_what_waits_behind_it_is_retried() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::start(data);
    let client = Client::of(&server);
    let id = with_a_lost_file(&client, data).await;
    let stream = format!("dispense:{id}");
    assert!(dispensary_on(data, ["resume", ANALYSIS]).success);
    parked(data).await;

    let lossy = dispensary_on(data, ["rewind", ANALYSIS, "--to-start"]);
    assert!(lossy.error().contains("2 dead letters, which would be lost"), "{lossy:?}");
    let drop = ["dead-letters", "drop", ANALYSIS, &stream, "2", "--reason"];
    let refused = dispensary_on(data, drop.iter().chain(&[" "]));
    assert!(refused.error().contains("reason"), "{refused:?}");
    let dropped = dispensary_on(data, drop.iter().chain(&["the paper is lost, too"]));
    assert!(dropped.stdout.contains("dropped: version 2"), "{dropped:?}");
    assert!(dropped.stdout.contains("behind it wait the versions 3"), "{dropped:?}");

    let record = json_of(data, &["dead-letters", "--dropped", "--stream", &stream]);
    assert_eq!(record.as_array().unwrap().len(), 1);
    assert_eq!(record[0]["dropped"]["reason"], "the paper is lost, too");
    assert!(!dispensary_on(data, ["health"]).success, "one still waits");
    let retried = json_of(data, &["dead-letters", "retry", "--consumer", ANALYSIS]);
    assert!(retried["handled"].as_u64().unwrap() >= 1, "{retried}");
    assert_eq!(retried["freed"].as_array().unwrap().len(), 1);
    assert_eq!(client.dispense_at(&id, 4).await.0, 200);
    assert!(dispensary_on(data, ["health"]).success);

    // The record is all that is left: nothing can be done with it.
    let shown = json_of(data, &["dead-letters", "show", ANALYSIS, &stream]);
    assert_eq!(shown.as_array().unwrap().len(), 1);
    let again = dispensary_on(data, drop.iter().chain(&["again"]));
    assert!(again.stdout.contains("dropped: version 2"), "it stays what it is: {again:?}");
    assert_eq!(json_of(data, &["dead-letters", "--dropped", "--stream", &stream]), record);
    let drop = ["dead-letters", "drop", ANALYSIS, &stream, "3", "--reason", "the next one"];
    let nothing = dispensary_on(data, drop);
    assert!(nothing.error().contains("no dead letters of"), "{nothing:?}");
    let again = dispensary_on(data, ["dead-letters", "retry", "--stream", &stream]);
    assert!(again.error().contains("nothing of"), "{again:?}");
}

/// Appends what a newer program would, behind what the stream has.
async fn append_as_a_newer_program(data: &Path, id: &str, name: &str, payload: &str) {
    let store = SqliteStore::open(data.join("dispensary.db")).await.unwrap();
    let stream = StreamId::new("dispense", id).unwrap();
    let manifest = format!("{name} 1 {}", payload.len());
    let events =
        EncodedEvents::from_stored_json(manifest.into(), payload.to_owned().into()).unwrap();
    let now = Timestamp::now();
    let id = CommitId::generate(now, &SystemEntropy);
    let commit = NewCommit::new(id, now, EncodedMetadata::default(), events);
    let Appended { duplicate, .. } = store.append(&stream, Expected::Any, commit).await.unwrap();
    assert!(!duplicate);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_this_program_does_not_know_waits_everywhere_and_retries_can_be_narrowed() {
    const PAYLOAD: &str = r#"{"zone":1.50,"by":"an inspector"}"#;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::start(data);
    let client = Client::of(&server);
    let id = client.start("recalled").await;
    let stream = format!("dispense:{id}");
    append_as_a_newer_program(data, &id, "Dispense:Recalled", PAYLOAD).await;

    eventually("it is parked everywhere", async || {
        let letters = json_of(data, &["dead-letters", "--stream", &stream]);
        (letters.as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    let (_, complaint) = failure_of(data, &["health"]);
    for consumer in [ANALYSIS, VIEWS[0], VIEWS[1]] {
        assert!(complaint.contains(consumer), "{complaint}");
    }
    let some = dispensary_on(data, ["dead-letters", "--limit", "2", "--json"]);
    assert_eq!(some.json().as_array().unwrap().len(), 2);
    assert!(some.stderr.contains("more than 2"), "{}", some.stderr);

    // The views show what they could handle, and others flow.
    let (status, detail) = client.get(&format!("/dispenses/{id}")).await;
    assert_eq!((status, &detail["version"]), (200, &json!(1)));
    assert_eq!(client.dispense_at(&id, 2).await.1["type"], "/problems/parked");
    let other = client.start("other").await;
    client.upload(&other, PRESCRIPTION).await;
    assert_eq!(client.dispense_at(&other, 3).await.0, 200);

    // Bytes are shown as they are stored, not as this program would write them.
    let shown = dispensary_on(data, ["dead-letters", "show", VIEWS[0], &stream, "--json"]);
    assert!(shown.stdout.contains(PAYLOAD), "{}", shown.stdout);
    let shown = dispensary_on(data, ["dead-letters", "show", VIEWS[0], &stream]);
    assert!(shown.stdout.contains(PAYLOAD) && shown.stdout.contains("Dispense:Recalled"));

    // Only what matches is tried.
    for no_match in [["--event", "Dispense:Started"], ["--error", "no such text"]] {
        let retry = ["dead-letters", "retry"].iter().chain(&no_match).copied();
        let retried = json_of(data, &retry.collect::<Vec<_>>());
        assert_eq!(retried, json!({ "handled": 0, "freed": [], "failed": [] }));
    }
    let narrow = ["--consumer", VIEWS[1], "--event", "Dispense:Recalled", "--error", "decoded"];
    let narrow: Vec<&str> = ["dead-letters", "retry"].into_iter().chain(narrow).collect();
    let (retried, _) = failure_of(data, &narrow);
    assert_eq!(retried["failed"].as_array().unwrap().len(), 1);
    assert_eq!(retried["failed"][0]["consumer"], VIEWS[1]);
    for (consumer, attempts) in [(ANALYSIS, 1), (VIEWS[0], 1), (VIEWS[1], 2)] {
        let letters = json_of(data, &["dead-letters", "list", "--consumer", consumer]);
        assert_eq!(letters[0]["failure"]["attempts"], attempts, "{consumer}");
    }

    // Each gives it up for itself.
    for consumer in [ANALYSIS, VIEWS[0], VIEWS[1]] {
        assert!(!dispensary_on(data, ["health"]).success);
        let drop = ["dead-letters", "drop", consumer, &stream, "2", "--reason", "no recalls here"];
        let given_up = json_of(data, &drop);
        assert_eq!(given_up["dropped"]["consumer"], consumer);
        assert_eq!(given_up["waiting"], json!([]));
    }
    assert!(dispensary_on(data, ["health"]).success);
    let records = json_of(data, &["dead-letters", "--dropped"]);
    assert_eq!(records.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_finishes_the_others_says_which_prescription_waits_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let prescriptions = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(prescriptions.path().join(name), text).unwrap();
    };
    let main_job = ["--json", "--prescriptions", prescriptions.path().to_str().unwrap()];
    write("first.txt", PRESCRIPTION);
    assert_eq!(dispensary_on(data, main_job).json()["parked"], json!([]));

    write("lost.txt", LOST);
    write("corrected.txt", CORRECTED);
    assert!(dispensary_on(data, ["pause", ANALYSIS]).success);
    let running = DISPENSARY.start_on(data, main_job);
    let analyzing = ["list", "--status", "analyzing"];
    eventually("all are uploaded", async || {
        (json_of(data, &analyzing).as_array().unwrap().len() == 3).then_some(())
    })
    .await;
    std::fs::write(stored_file(data, LOST), "something else").unwrap();
    assert!(dispensary_on(data, ["resume", ANALYSIS]).success);

    let ended = running.finish();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let parked = json_of(data, &analyzing);
    let id = parked[0]["id"].as_str().unwrap();
    let totals: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(totals["parked"], json!([id]));
    assert_eq!(totals["by_status"]["complete"], 3, "{totals}");
    let sentence = ended.stderr.lines().last().unwrap();
    for part in ["error: ", id, "lost.txt", "parked", "dead-letters --data-dir"] {
        assert!(sentence.contains(part), "no {part:?} in {sentence}");
    }
}

#[test]
fn what_an_operator_gets_wrong_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let missing = data.join("missing");
    for command in [&["health"][..], &["dead-letters"], &["pause", ANALYSIS], &["rebuild"]] {
        assert!(dispensary(command).error().contains("--data-dir"), "{command:?}");
        let nothing = dispensary_on(&missing, command);
        assert!(nothing.error().contains("no dispensary data"), "{command:?}");
    }
    assert!(!missing.exists(), "a look must not make anything");

    let prescriptions = tempfile::tempdir().unwrap();
    std::fs::write(prescriptions.path().join("one.txt"), PRESCRIPTION).unwrap();
    let taken = prescriptions.path().to_str().unwrap();
    assert!(dispensary_on(data, ["--prescriptions", taken]).success);
    let sentence = |command: &[&str]| dispensary_on(data, command).error().to_owned();
    for command in [
        &["pause", "nobody"][..],
        &["resume", "nobody"],
        &["rewind", "nobody", "--to-start"],
        &["rebuild", VIEWS[0], "nobody"],
        &["dead-letters", "--consumer", "nobody"],
        &["dead-letters", "show", "nobody", "dispense:1"],
        &["dead-letters", "retry", "--consumer", "nobody"],
        &["dead-letters", "drop", "nobody", "dispense:1", "1", "--reason", "r"],
    ] {
        let sentence = sentence(command);
        assert!(sentence.contains("no projection or policy \"nobody\""), "{sentence}");
        assert!(sentence.contains(ANALYSIS), "it names those that there are: {sentence}");
    }
    let nothing = sentence(&["dead-letters", "show", ANALYSIS, "dispense:1"]);
    assert!(nothing.contains("has no dead letters of dispense:1"), "{nothing}");
    let no_view = sentence(&["rebuild", ANALYSIS]);
    assert!(no_view.contains("it has no view"), "{no_view}");
    let misplaced = sentence(&["dead-letters", "--limit", "1", "retry", "--all"]);
    assert!(misplaced.contains("behind the subcommand"), "{misplaced}");

    // Flags are clap's matter: it says what it would have taken.
    for (command, hint) in [
        (&["dead-letters", "retry"][..], "--all"),
        (&["dead-letters", "retry", "--all", "--event", "e"], "--all"),
        (&["dead-letters", "retry", "--stream", "no-category"], "no ':'"),
        (&["dead-letters", "drop", ANALYSIS, "dispense:1", "1"], "--reason"),
        (&["dead-letters", "list", "--limit", "0"], "--limit"),
        (&["rewind", ANALYSIS], "--to-start"),
        (&["rewind", ANALYSIS, "--to-start", "--to-position", "1"], "--to-position"),
        (&["rewind", ANALYSIS, "--to-time", "yesterday"], "--to-time"),
        (&["pause"], "CONSUMER"),
    ] {
        let run = dispensary_on(data, command);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(hint), "{}", run.stderr);
    }
}
