//! The dispensary on the tables of a server: which ones, with which files, and when they are made. From
//! outside.
#![cfg(all(feature = "aws", unix))]

mod support;

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::json;
use support::{
    DISPENSARY, DynamoDb, Output, PRESCRIPTION, Running, dispensary, dispensary_on, eventually,
};

/// The tables of a server, without a data directory, as somebody uses them whose temporary directory is
/// this one's.
struct Tables {
    server: DynamoDb,
    temporary: tempfile::TempDir,
    prefix: &'static str,
}

impl Tables {
    fn new(prefix: &'static str) -> Self {
        Self { server: DynamoDb::new(), temporary: tempfile::tempdir().unwrap(), prefix }
    }

    fn start(&self, command: &[&str]) -> Running {
        let place = [
            "--backend",
            "dynamodb",
            "--endpoint-url",
            self.server.url(),
            "--table-prefix",
            self.prefix,
        ];
        let temporary = ("TMPDIR", self.temporary.path().as_os_str());
        DISPENSARY.start_with(&[temporary], command.iter().chain(&place))
    }

    fn run(&self, command: &[&str]) -> Output {
        self.start(command).finish()
    }

    /// What is in the temporary directory.
    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.temporary.path()).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

/// A directory with one prescription.
fn one_prescription() -> tempfile::TempDir {
    let prescriptions = tempfile::tempdir().unwrap();
    std::fs::write(prescriptions.path().join("one.txt"), PRESCRIPTION).unwrap();
    prescriptions
}

#[tokio::test]
async fn the_files_of_tables_are_found_again_after_a_crash() {
    const ANALYSIS: &str = "prescription_analysis";
    let tables = Tables::new("crash-");
    let prescriptions = one_prescription();
    let main_job = ["--prescriptions", prescriptions.path().to_str().unwrap()];

    // Killed with an upload that is not analyzed.
    assert!(tables.run(&["pause", ANALYSIS, "--create-tables"]).success);
    let mut killed = tables.start(&main_job);
    let said = killed.said("note: ");
    eventually("the prescription is uploaded", async || {
        let list = tables.run(&["list", "--status", "analyzing", "--json"]).json();
        (list != json!([])).then_some(())
    })
    .await;
    killed.kill();
    let files = tables.left();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(said.contains(files[0].to_str().unwrap()), "it was said at the start: {said}");

    assert!(tables.run(&["resume", ANALYSIS]).success);
    eventually("the first is analyzed, too", async || {
        let ended = tables.run(&main_job);
        assert!(ended.success, "{ended:?}");
        let left = tables.run(&["list", "--status", "analyzing", "--json"]).json();
        (left == json!([])).then_some(())
    })
    .await;
    assert_eq!(tables.run(&["dead-letters", "--json"]).json(), json!([]));
    assert_eq!(tables.left(), files, "nothing is anywhere else");
}

#[test]
fn looking_at_tables_that_there_are_not_makes_neither_tables_nor_files() {
    let tables = Tables::new("typo-");
    let file = tables.temporary.path().join("log.jsonl");
    // Twice: the second time would find what the first one had made.
    for _ in 0..2 {
        for command in [
            &["list"][..],
            &["show", "1"],
            &["events", "1"],
            &["health"],
            &["dead-letters"],
            &["pause", "dispense_list_v1"],
            &["resume", "dispense_list_v1"],
            &["rewind", "dispense_list_v1", "--to-start"],
            &["rebuild"],
            &["export", file.to_str().unwrap()],
        ] {
            let refused = tables.run(command);
            let sentence = refused.error();
            for part in ["no dispensary data", "typo-events, typo-state", "--create-tables"] {
                assert!(sentence.contains(part), "{command:?}: no {part:?} in {sentence}");
            }
        }
    }
    assert_eq!(tables.left(), [""; 0].map(PathBuf::from));
}

#[test]
fn looking_at_a_local_server_that_was_never_started_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("missing");
    let local = ["--backend", "dynamodb", "--local"];
    let refused = dispensary_on(&data, ["list"].iter().chain(&local));
    assert!(refused.error().contains("no dispensary data"), "{refused:?}");
    assert!(!data.exists());

    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("dynamodb.db"), "not a database, for sure").unwrap();
    let refused = dispensary_on(&data, ["list"].iter().chain(&local));
    let sentence = refused.error();
    assert!(sentence.contains("dynamodb.db: it is damaged, or no database"), "{sentence}");
}

#[test]
fn tables_that_nobody_has_worked_on_are_well_and_so_is_an_imported_log() {
    let (old, prescriptions) = (tempfile::tempdir().unwrap(), one_prescription());
    let main_job = ["--prescriptions", prescriptions.path().to_str().unwrap()];
    assert!(dispensary_on(old.path(), main_job).success);
    let file = old.path().join("log.jsonl");
    let file = file.to_str().unwrap();
    assert!(dispensary_on(old.path(), ["export", file]).success);

    let tables = Tables::new("new-");
    let health = tables.run(&["health", "--create-tables"]);
    assert!(health.success, "{health:?}");
    let imported = tables.run(&["import", file]);
    assert!(imported.success, "{imported:?}");
    let health = tables.run(&["health"]);
    assert!(health.success, "{health:?}");
    assert_eq!(tables.left(), [""; 0].map(PathBuf::from), "no file was stored");

    // Files that are copied to the place that it names are found.
    let named = imported.stdout.split(" to ").nth(1).unwrap().split(',').next().unwrap();
    let (from, to) = ("objects/prescriptions", Path::new(named).join("prescriptions"));
    std::fs::create_dir_all(&to).unwrap();
    for file in std::fs::read_dir(old.path().join(from)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    assert!(tables.run(&main_job).success);
    assert_eq!(tables.run(&["dead-letters", "--json"]).json(), json!([]));
    assert_eq!(tables.left().len(), 1);
}

/// As whom, and for which region, a server is asked that refuses everything.
fn asked_as(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answering = std::thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        // Another request finds nobody.
        drop(listener);
        let mut connection = BufReader::new(connection);
        let (mut length, mut signer) = (0, String::new());
        loop {
            let mut line = String::new();
            connection.read_line(&mut line).unwrap();
            if line.starts_with("POST ") {
                continue;
            }
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => value.clone_into(&mut signer),
                _ => {}
            }
        }
        connection.read_exact(&mut vec![0; length]).unwrap();
        let refusal = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        connection.get_mut().write_all(refusal).unwrap();
        signer
    });
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
    let place = ["list", "--backend", "dynamodb", "--endpoint-url", &url];
    DISPENSARY.start_with(&environment, place.iter().chain(arguments)).finish().error();
    let signer = answering.join().unwrap();
    let (_, scope) = signer.split_once("Credential=").expect("a signed request");
    let scope: Vec<&str> = scope.split('/').collect();
    format!("{} in {}", scope[0], scope[2])
}

#[test]
fn a_server_on_this_machine_is_asked_for_the_region_that_was_said_with_the_keys_that_there_are() {
    let nothing = ("AWS_CONFIG_FILE", "/dev/null");
    assert_eq!(asked_as(&[nothing], &[]), "local in us-east-1");
    let region = ("AWS_REGION", "eu-central-1");
    assert_eq!(asked_as(&[nothing, region], &[]), "local in eu-central-1");
    assert_eq!(asked_as(&[nothing, region], &["--region", "eu-west-1"]), "local in eu-west-1");
    let keys = [("AWS_ACCESS_KEY_ID", "mine"), ("AWS_SECRET_ACCESS_KEY", "secret"), region];
    assert_eq!(asked_as(&keys, &[]), "mine in eu-central-1");
}

#[test]
fn what_is_no_url_is_refused_whatever_the_region() {
    for url in ["nonsense", ""] {
        let refused = dispensary(["list", "--backend", "dynamodb", "--endpoint-url", url]);
        assert!(refused.error().contains("is not where DynamoDB can be"), "{refused:?}");
    }
}
