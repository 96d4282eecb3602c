//! The log of a dispensary as a file, and another dispensary that goes on with it. From outside.

mod support;

use std::path::{Path, PathBuf};

use es_core::{Checkpoint, Feed as _, PartitionId};
use es_sqlite::SqliteStore;
use serde_json::Value;
use support::{DISPENSARY, Output, Server, dispensary, dispensary_on, eventually, start_dispenses};

/// Enough for an export and an import to have a middle.
const MANY: usize = 4_000;

/// What a command with a file prints as JSON; it must succeed.
fn json_of(data: &Path, command: &str, file: &Path) -> Value {
    run(data, command, file).json()
}

fn run(data: &Path, command: &str, file: &Path) -> Output {
    dispensary_on(data, [Path::new(command), file, Path::new("--json")])
}

fn verify(file: &Path) -> Output {
    dispensary([Path::new("import"), Path::new("--verify"), file])
}

/// A data directory and a name for a file in it.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("log.jsonl")
    }

    /// The names of all that is beside the data.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name != "data").collect();
        names.sort();
        names
    }
}

fn copy_objects(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_objects(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_dispensary_goes_on_with_an_exported_log() {
    let (old, new) = (Directory::new(), Directory::new());
    assert!(dispensary_on(&old.data(), ["--json"]).success);
    let before = dispensary_on(&old.data(), ["list", "--json"]).json();
    let exported = json_of(&old.data(), "export", &old.file());
    assert!(verify(&old.file()).stdout.contains(exported["digest"].as_str().unwrap()));

    copy_objects(&old.data().join("objects"), &new.data().join("objects"));
    let imported = json_of(&new.data(), "import", &old.file());
    assert_eq!((&imported["commits"], &imported["skipped"]), (&exported["commits"], &0.into()));
    assert_eq!(imported["digest"], exported["digest"]);

    let server = Server::start(&new.data());
    eventually("the views show the imported log", async || {
        (dispensary_on(&new.data(), ["list", "--json"]).json() == before).then_some(())
    })
    .await;
    eventually("the policy has seen it too", async || {
        dispensary_on(&new.data(), ["health"]).success.then_some(())
    })
    .await;
    drop(server);
    let again = json_of(&new.data(), "export", &new.file());
    assert_eq!(again["digest"], exported["digest"], "the policy did nothing a second time");
    let again = json_of(&new.data(), "import", &old.file());
    assert_eq!(again["skipped"], exported["commits"]);
}

#[tokio::test]
async fn who_moves_a_log_is_told_where_the_files_are_and_where_they_belong() {
    let (old, new) = (Directory::new(), Directory::new());
    start_dispenses(&old.data(), 1).await;
    let files = |data: &Path| data.join("objects").display().to_string();
    let exported = dispensary_on(&old.data(), [Path::new("export"), &old.file()]).stdout;
    assert!(exported.contains(&files(&old.data())), "{exported}");
    let imported = dispensary_on(&new.data(), [Path::new("import"), &old.file()]).stdout;
    assert!(imported.contains(&files(&new.data())), "{imported}");
    let serve = format!("`dispensary serve --data-dir {}`", new.data().display());
    assert!(imported.contains(&serve), "{imported}");
}

#[tokio::test]
async fn an_export_writes_over_nothing_unless_it_is_told_to() {
    let directory = Directory::new();
    start_dispenses(&directory.data(), 3).await;
    std::fs::write(directory.file(), "precious").unwrap();
    let refused = run(&directory.data(), "export", &directory.file());
    assert_eq!(refused.code, Some(1));
    assert!(refused.error().contains("--force"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(directory.file()).unwrap(), "precious");

    let file = directory.file();
    let forced = [Path::new("export"), Path::new("--force"), &file];
    assert!(dispensary_on(&directory.data(), forced).success);
    assert!(verify(&directory.file()).stdout.contains("3 commits"));
    assert_eq!(directory.files(), ["log.jsonl"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_said_in_one_sentence() {
    let (directory, new) = (Directory::new(), Directory::new());
    start_dispenses(&directory.data(), 3).await;
    json_of(&directory.data(), "export", &directory.file());
    let whole = std::fs::read_to_string(directory.file()).unwrap();
    let name = directory.file().display().to_string();

    let cases = [
        (whole[..whole.len() / 2].to_owned(), "cut off behind line"),
        (whole.replacen("dispense:d-", "dispense:x-", 1), "line 2"),
        (whole.replacen("es-log", "es-dog", 1), "no archive"),
        (String::new(), "cut off"),
    ];
    for (damaged, said) in cases {
        std::fs::write(directory.file(), damaged).unwrap();
        for refused in [verify(&directory.file()), run(&new.data(), "import", &directory.file())] {
            assert_eq!(refused.code, Some(1));
            assert!(refused.error().contains(said), "{refused:?}");
            assert!(refused.error().contains(&name), "{refused:?}");
        }
    }
}

#[test]
fn a_mistyped_name_makes_no_data() {
    let directory = Directory::new();
    let refused = run(&directory.data(), "import", &directory.file());
    assert!(refused.error().contains("log.jsonl cannot be read"), "{refused:?}");
    assert!(!directory.data().exists());
    let unnamed = dispensary([
        Path::new("import"),
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"),
    ]);
    assert!(unnamed.error().contains("--data-dir"), "{unnamed:?}");
}

#[tokio::test]
async fn another_log_is_not_mixed_in() {
    let (one, other) = (Directory::new(), Directory::new());
    start_dispenses(&one.data(), 3).await;
    start_dispenses(&other.data(), 1).await;
    json_of(&one.data(), "export", &one.file());
    let refused = run(&other.data(), "import", &one.file());
    assert_eq!(refused.code, Some(1));
    assert!(refused.error().contains("dispense:d-0 at version 1"), "{refused:?}");
    let before = dispensary_on(&other.data(), ["events", "d-0", "--json"]).json();
    assert_eq!(before.as_array().unwrap().len(), 1, "it is left as it was");
}

/// How many commits there are.
async fn commits(data: &Path) -> u64 {
    let store = SqliteStore::open(data.join("dispensary.db")).await.unwrap();
    let log = PartitionId::new("log").unwrap();
    let page = store.read(&log, &Checkpoint::start(), 1).await.unwrap();
    let commits = page.commits.len() as u64 + page.remaining.unwrap();
    store.close().await.unwrap();
    commits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_goes_on_when_it_is_asked_for_again() {
    let old = Directory::new();
    start_dispenses(&old.data(), MANY).await;
    let exported = json_of(&old.data(), "export", &old.file());
    let (new, there) = eventually("an import is killed in the middle", async || {
        let new = Directory::new();
        let import = [Path::new("import"), &old.file()].map(Path::to_owned);
        let import = DISPENSARY.start_on(&new.data(), import);
        eventually("it has begun", async || {
            new.data().join("dispensary.db").exists().then_some(())
        })
        .await;
        eventually("something is imported", async || {
            (commits(&new.data()).await > 0).then_some(())
        })
        .await;
        import.kill();
        let there = commits(&new.data()).await;
        (there < MANY as u64).then_some((new, there))
    })
    .await;

    let imported = json_of(&new.data(), "import", &old.file());
    assert_eq!(imported["commits"], MANY);
    assert_eq!(imported["skipped"], there);
    let again = json_of(&new.data(), "export", &new.file());
    assert_eq!(again["digest"], exported["digest"]);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_interrupted_leaves_no_file() {
    let directory = Directory::new();
    start_dispenses(&directory.data(), MANY).await;
    let unfinished = directory.0.path().join("log.jsonl.unfinished");
    eventually("it is interrupted in the middle", async || {
        let _ = std::fs::remove_file(directory.file());
        let file = directory.file();
        let mut export = DISPENSARY.start_on(&directory.data(), [Path::new("export"), &file]);
        eventually("it has begun", async || {
            (unfinished.exists() || export.has_ended()).then_some(())
        })
        .await;
        let interrupted = export.interrupt();
        if interrupted.success {
            return None;
        }
        assert_eq!(interrupted.code, Some(1));
        assert!(interrupted.error().contains("the export was broken off"), "{interrupted:?}");
        Some(())
    })
    .await;
    assert!(directory.files().is_empty(), "{:?}", directory.files());
}
