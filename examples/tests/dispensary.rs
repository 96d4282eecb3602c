//! The dispensary from outside: as a command, and over HTTP.

mod support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
#[cfg(feature = "aws")]
use support::DynamoDb;
use support::{Client, Embedded, Place, Server, dispensary, dispensary_on, replay};

fn shipped() -> Vec<std::path::PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary/prescriptions");
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Makes a test of each function for each backend.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $( #[test] fn $test() { super::$test(&super::Embedded::new()); } )+
        }

        #[cfg(feature = "aws")]
        mod dynamodb {
            $( #[test] fn $test() { super::$test(&super::DynamoDb::new()); } )+
        }
    };
}

on_each_backend! {
    the_main_job_dispenses_every_shipped_prescription,
    main_jobs_that_run_at_once_on_the_same_data_do_all_of_their_work_once,
    the_request_collection_replays_against_the_running_server,
    killed_in_the_middle_nothing_is_lost_and_nothing_is_done_twice,
}

fn the_main_job_dispenses_every_shipped_prescription(data: &impl Place) {
    let files = shipped();
    assert!(files.len() >= 30);
    let report = dispensary_on(data, ["--json"]).json();

    assert_eq!(report["dispenses"], files.len());
    let by_status = &report["by_status"];
    let count = |status: &str| by_status[status].as_u64().unwrap();
    assert_eq!(count("pending") + count("analyzing"), 0);
    assert!(count("complete") > 0 && count("ready") > 0 && count("cancelled") > 0, "{by_status}");
    assert_eq!(count("complete") + count("ready") + count("cancelled"), files.len() as u64);
    assert!(report["unreadable_lines"].as_u64().unwrap() > 0);
    assert!(report["seconds"].as_f64().unwrap() > 0.0);

    // What it says agrees with the log.
    let list = dispensary_on(data, ["list", "--json"]).json();
    let ids: BTreeSet<&str> =
        list.as_array().unwrap().iter().map(|dispense| dispense["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), files.len());
    let mut events = 0;
    for id in &ids {
        let history = dispensary_on(data, ["events", id, "--json"]).json();
        let history = history.as_array().unwrap().clone();
        events += history.len();
        let versions: Vec<u64> =
            history.iter().map(|event| event["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, (1..=history.len() as u64).collect::<Vec<_>>());
        let names: Vec<&str> =
            history.iter().map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(
            names[..3],
            ["Dispense:Started", "Dispense:PrescriptionUploaded", "Dispense:PrescriptionAnalyzed"]
        );
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{id} did {names:?}");
    }
    assert_eq!(report["events"], events);

    // A second run on the same data adds to it.
    let again = dispensary_on(data, ["--json"]).json();
    assert_eq!(again["dispenses"], 2 * files.len());
    assert_eq!(again["events"], 2 * events);

    // A rebuild comes to the same views, and tells how many commits that took.
    let before = dispensary_on(data, ["list", "--json"]).json();
    let file = tempfile::tempdir().unwrap().path().with_extension("jsonl");
    let export = dispensary_on(data, ["export", file.to_str().unwrap(), "--json"]).json();
    std::fs::remove_file(file).unwrap();
    let rebuilt = dispensary_on(data, ["rebuild", "--json"]).json();
    for view in rebuilt["views"].as_array().unwrap() {
        assert_eq!(view["commits"], export["commits"], "{view}");
    }
    assert_eq!(dispensary_on(data, ["list", "--json"]).json(), before);
}

fn main_jobs_that_run_at_once_on_the_same_data_do_all_of_their_work_once(
    data: &(impl Place + Sync),
) {
    let runs = std::thread::scope(|scope| {
        let runs = [(); 2].map(|()| scope.spawn(|| dispensary_on(data, ["--json"])));
        runs.map(|run| run.join().unwrap())
    });
    for run in &runs {
        run.json();
        assert!(!run.stderr.contains("another worker"), "that is no warning: {}", run.stderr);
    }
    let list = dispensary_on(data, ["list", "--json"]).json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2 * shipped().len());
    for dispense in list {
        let id = dispense["id"].as_str().unwrap();
        let history = dispensary_on(data, ["events", id, "--json"]).json();
        assert_eq!(dispense["events"], history.as_array().unwrap().len());
    }
}

#[test]
fn people_get_a_table_and_the_place_of_the_data() {
    let prescriptions = tempfile::tempdir().unwrap();
    let text = "Patient: Ada Example\nDOB: 1980-12-31\n\n\
                Amoxicillin 500 mg capsules, take 1 capsule three times daily for 7 days, #21\n";
    std::fs::write(prescriptions.path().join("one.txt"), text).unwrap();
    let run = dispensary(["--prescriptions", prescriptions.path().to_str().unwrap()]);
    assert!(run.success, "{}", run.stderr);
    assert!(run.stderr.starts_with("note: the data is in "), "said before all: {}", run.stderr);
    for expected in [
        "complete",
        "Ada Example",
        "Amoxicillin",
        "dispenses: 1 (1 complete)",
        "events: 6",
        "data: ",
    ] {
        assert!(run.stdout.contains(expected), "no {expected:?} in {}", run.stdout);
    }
    let data = run.stdout.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let canonical = |path: &Path| std::fs::canonicalize(path).unwrap();
    assert!(canonical(Path::new(data)).starts_with(canonical(&std::env::temp_dir())));

    let list = dispensary(["list", "--json", "--status", "complete", "--data-dir", data]).json();
    let id = list[0]["id"].as_str().unwrap();
    let shown = dispensary(["show", id, "--data-dir", data]).json();
    assert_eq!(shown["version"], 6);
    assert_eq!(shown["status"], "complete");
    let past = dispensary(["show", id, "--version", "2", "--data-dir", data]).json();
    assert_eq!(past["status"], "analyzing");
    assert!(dispensary(["events", id, "--data-dir", data]).stdout.contains("DrugsAdded"));
    std::fs::remove_dir_all(data).unwrap();
}

#[test]
fn what_goes_wrong_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let missing = path("missing");

    let sentence = |arguments: &[&str]| dispensary(arguments).error().to_owned();
    assert!(sentence(&["--prescriptions", &missing]).contains("missing cannot be read"));
    assert!(sentence(&["list", "--data-dir", &missing]).contains("no dispensary data"));
    assert!(!Path::new(&missing).exists(), "a look must not make anything");
    assert!(sentence(&["list"]).contains("--data-dir"));
    let prefix = ["list", "--data-dir", &missing, "--table-prefix", "p-"];
    assert!(sentence(&prefix).contains("--table-prefix goes with --backend dynamodb"));

    let unwritten = path("unwritten");
    std::fs::create_dir(&unwritten).unwrap();
    std::fs::write(Path::new(&unwritten).join("dispensary.db"), "").unwrap();
    assert!(sentence(&["list", "--data-dir", &unwritten]).contains("no dispensary data"));

    let empty = path("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(sentence(&["--prescriptions", &empty]).contains("no .txt files"));

    let binary = path("binary");
    std::fs::create_dir(&binary).unwrap();
    std::fs::write(Path::new(&binary).join("b.txt"), [0xff, 0xfe, 0]).unwrap();
    assert!(sentence(&["--prescriptions", &binary]).contains("b.txt cannot be taken"));

    let unreadable = path("unreadable");
    std::fs::create_dir_all(Path::new(&unreadable).join("folder.txt")).unwrap();
    assert!(sentence(&["--prescriptions", &unreadable]).contains("folder.txt cannot be read"));

    let file = path("file");
    std::fs::write(&file, "in the way").unwrap();
    assert!(sentence(&["--data-dir", &file]).contains("cannot be made"));

    let damaged = path("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(Path::new(&damaged).join("dispensary.db"), "not a database, for sure").unwrap();
    assert!(sentence(&["list", "--data-dir", &damaged]).contains("dispensary.db"));

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(sentence(&["serve", "--port", &port, "--data-dir", &path("d")]).contains(&port));

    let data = path("data");
    dispensary(["--json", "--data-dir", &data]).json();
    assert!(sentence(&["show", "nobody", "--data-dir", &data]).contains("no dispense nobody"));
    assert!(sentence(&["events", "nobody", "--data-dir", &data]).contains("no dispense nobody"));
    assert!(sentence(&["show", "a\nb", "--data-dir", &data]).contains("not valid"));

    // Flags are clap's matter: it says what it would have taken.
    for arguments in [&["--colour"][..], &["list", "--status", "lost"], &["serve", "--port", "x"]] {
        let run = dispensary(arguments);
        assert!(!run.success && run.stderr.contains("error:"), "{}", run.stderr);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn the_request_collection_replays_against_the_running_server(data: &impl Place) {
    let server = Server::start(data);
    let collection = include_str!("../dispensary/requests/dispensary.http");
    let requests = replay(collection, &server.url).await;
    assert!(requests >= 25);

    // One byte too many, and far too many.
    let client = Client::of(&server);
    let (_, started) =
        client.post("/dispenses", "large", "text/plain", String::new()).await.unwrap();
    let path = format!("/dispenses/{}/prescription", started["id"].as_str().unwrap());
    for (size, status) in [(16 * 1024, 202), (16 * 1024 + 1, 413), (32 * 1024, 413)] {
        let key = format!("large-{size}");
        let answer = client.post(&path, &key, "text/plain", "a".repeat(size)).await;
        let (answered, problem) = answer.expect("it is answered, not cut off");
        assert_eq!(answered, status, "{problem}");
    }

    // Nothing that a client sends stops the policy.
    let long = format!("{}/dispenses", server.url);
    let request = client.http.post(long).header("x-correlation-id", "c".repeat(201));
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert_eq!(client.get("/dispenses/%FF").await.0, 400);
    assert_eq!(client.get("/dispenses/nobody?at_least=1").await.0, 404);
    #[cfg(unix)]
    assert!(server.terminate(), "SIGTERM ends it orderly");
}

#[tokio::main(worker_threads = 2)]
async fn killed_in_the_middle_nothing_is_lost_and_nothing_is_done_twice(data: &impl Place) {
    const DISPENSES: usize = 24;

    // The server is killed while clients are at work; they ask again, with the same keys.
    for acknowledged in [1, 9, 17] {
        let server = Server::start(data);
        let client = std::sync::Arc::new(Client::of(&server));
        let (done, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let work: Vec<_> = (0..DISPENSES)
            .map(|n| {
                let (client, done) = (client.clone(), done.clone());
                tokio::spawn(async move {
                    if client.dispense(n).await.is_some() {
                        let _ = done.send(n);
                    }
                })
            })
            .collect();
        for _ in 0..acknowledged {
            answered.recv().await.unwrap();
        }
        server.kill();
        for work in work {
            work.await.unwrap();
        }
    }

    let server = Server::start(data);
    let client = Client::of(&server);
    let mut ids = BTreeSet::new();
    for n in 0..DISPENSES {
        ids.insert(client.dispense(n).await.unwrap());
    }
    assert_eq!(ids.len(), DISPENSES);
    for id in &ids {
        // Five events, each once: the policy's analysis, too.
        let (status, detail) = client.get(&format!("/dispenses/{id}?at_least=5")).await;
        assert_eq!((status, &detail["version"]), (200, &json!(5)), "{detail}");
        let mut names = client.events(id).await;
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "Dispense:DrugsAdded",
                "Dispense:PatientAdded",
                "Dispense:PrescriptionAnalyzed",
                "Dispense:PrescriptionUploaded",
                "Dispense:Started"
            ]
        );
    }
    let (_, page) = client.get("/dispenses?limit=1000").await;
    assert_eq!(page["dispenses"].as_array().unwrap().len(), DISPENSES);
}
