//! What operators do with the projections of the dispensary, beside a running server: rebuilding,
//! pausing, rewinding. From outside.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use es_core::{CheckpointStore as _, ConsumerId, PartitionId};
use es_sqlite::SqliteStore;
use serde_json::{Value, json};
use support::{
    Client, DISPENSARY, PRESCRIPTION, Running, Server, dispensary_on, eventually, start_dispenses,
};

const LIST: &str = "dispense_list_v1";
const DETAIL: &str = "dispense_detail_v1";

/// Enough for a rebuild to have a middle.
const MANY: usize = 4_000;

/// What `command` prints as JSON; it must succeed.
fn json_of(data: &Path, command: &[&str]) -> Value {
    dispensary_on(data, command.iter().chain(&["--json"])).json()
}

/// The ids of the dispenses that a server lists.
async fn listed(client: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    let mut path = "/dispenses?limit=1000".to_owned();
    loop {
        let (status, page) = client.get(&path).await;
        assert_eq!(status, 200, "{page}");
        let dispenses = page["dispenses"].as_array().unwrap();
        ids.extend(dispenses.iter().map(|dispense| dispense["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => path = format!("/dispenses?limit=1000&after={next}"),
            None => return ids,
        }
    }
}

/// Whether a rebuild of `view` has begun, and was neither finished nor begun anew.
async fn is_in_the_middle(store: &SqliteStore, view: &str) -> bool {
    let rebuild = ConsumerId::new(view).unwrap().rebuild();
    let position = store.load(&rebuild, &PartitionId::new("log").unwrap()).await.unwrap();
    !position.checkpoint.is_start()
}

/// A rebuild that is in the middle of `view`.
async fn rebuild_up_to_the_middle_of(data: &Path, store: &SqliteStore, view: &str) -> Running {
    let mut rebuild = DISPENSARY.start_on(data, ["rebuild"]);
    eventually("a rebuild is in the middle", async || {
        if rebuild.has_ended() {
            rebuild = DISPENSARY.start_on(data, ["rebuild"]);
        }
        is_in_the_middle(store, view).await.then_some(())
    })
    .await;
    rebuild
}

/// Reads the list and a detail again and again until `enough`; they must never show less than
/// before. Returns how often.
async fn read_on(client: &Client, enough: &AtomicBool) -> usize {
    let (mut shown, mut times) = (MANY, 0);
    while !enough.load(Ordering::Relaxed) {
        let now = listed(client).await.len();
        assert!(now >= shown, "{shown} dispenses were listed, and then {now}");
        shown = now;
        let (status, detail) = client.get(&format!("/dispenses/d-{}", times % MANY)).await;
        assert_eq!((status, &detail["status"]), (200, &json!("pending")));
        times += 1;
    }
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_running_server_never_see_less_while_the_views_are_rebuilt() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    start_dispenses(data, MANY).await;
    let server = Server::start(data);
    let (client, enough) = (Client::of(&server), AtomicBool::new(false));
    let write_and_rebuild = async {
        let mut written = 0;
        for _ in 0..2 {
            let mut rebuild = DISPENSARY.start_on(data, ["rebuild", "--json"]);
            loop {
                let has_ended = rebuild.has_ended();
                // What is written meanwhile is shown as well, by the old views and by the new ones.
                let id = client.dispense(written).await.unwrap();
                written += 1;
                let (status, detail) = client.dispense_at(&id, 5).await;
                assert_eq!((status, &detail["version"]), (200, &json!(5)), "{detail}");
                if has_ended {
                    break;
                }
            }
            let rebuilt = rebuild.finish().json();
            for (view, name) in [(0, LIST), (1, DETAIL)] {
                let view = &rebuilt["views"][view];
                assert_eq!(view["view"], name);
                assert!(view["commits"].as_u64().unwrap() >= MANY as u64, "{view}");
                assert!(view["seconds"].as_f64().unwrap() > 0.0, "{view}");
            }
        }
        enough.store(true, Ordering::Relaxed);
        written
    };
    let (written, reads) = tokio::join!(write_and_rebuild, read_on(&client, &enough));
    assert!(reads > 0);
    assert_eq!(listed(&client).await.len(), MANY + written);
    assert_eq!(client.get("/health").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_broken_off_changes_nothing_and_the_next_one_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    start_dispenses(data, MANY).await;
    let before = json_of(data, &["list"]);
    assert_eq!(before.as_array().unwrap().len(), MANY);
    let store = SqliteStore::open(data.join("dispensary.db")).await.unwrap();

    for view in [LIST, DETAIL] {
        eventually("it is killed in the middle", async || {
            let killed = rebuild_up_to_the_middle_of(data, &store, view).await.kill();
            (killed.code.is_none() && is_in_the_middle(&store, view).await).then_some(())
        })
        .await;
        assert_eq!(json_of(data, &["list"]), before);
        let server = Server::start(data);
        let client = Client::of(&server);
        assert_eq!(listed(&client).await.len(), MANY);
        let last = format!("/dispenses/d-{}", MANY - 1);
        assert_eq!(client.get(&last).await.0, 200);
        assert_eq!(client.get("/health").await.0, 200, "nothing of it is left to look after");
    }

    #[cfg(unix)]
    eventually("it is interrupted in the middle", async || {
        let interrupted = rebuild_up_to_the_middle_of(data, &store, LIST).await.interrupt();
        if interrupted.success {
            return None;
        }
        assert_eq!(interrupted.code, Some(1));
        assert!(interrupted.error().contains("the rebuild was broken off"), "{interrupted:?}");
        Some(())
    })
    .await;

    let one = json_of(data, &["rebuild", DETAIL]);
    assert_eq!(one["views"].as_array().unwrap().len(), 1);
    assert_eq!(one["views"][0]["view"], DETAIL);
    let rebuilt = json_of(data, &["rebuild"]);
    for view in [0, 1] {
        assert_eq!(rebuilt["views"][view]["commits"], MANY, "all of it is done again");
    }
    assert!(!is_in_the_middle(&store, LIST).await && !is_in_the_middle(&store, DETAIL).await);
    assert_eq!(json_of(data, &["list"]), before);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rebuilds_at_once_the_later_one_ends_and_the_views_are_whole() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    start_dispenses(data, MANY).await;
    let before = json_of(data, &["list"]);
    let store = SqliteStore::open(data.join("dispensary.db")).await.unwrap();
    eventually("one gives way to the other", async || {
        let earlier = rebuild_up_to_the_middle_of(data, &store, LIST).await;
        let later = DISPENSARY.start_on(data, ["rebuild"]);
        let (earlier, later) = (earlier.finish(), later.finish());
        assert!(later.success, "{later:?}");
        assert_eq!(json_of(data, &["list"]), before);
        if earlier.success {
            // It was done before the other one began.
            return None;
        }
        assert!(earlier.error().contains("another rebuild of dispense_"), "{earlier:?}");
        Some(())
    })
    .await;
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_projection_rests_over_restarts_until_another_process_resumes_it() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let server = Server::start(data);
    let paused = json_of(data, &["pause", LIST]);
    assert_eq!(paused, json!({ "consumer": LIST, "paused": true }));
    let id = Client::of(&server).start("while it rests").await;
    server.kill();

    let server = Server::start(data);
    let client = Client::of(&server);
    eventually("the other projection goes on", async || {
        (client.get(&format!("/dispenses/{id}")).await.0 == 200).then_some(())
    })
    .await;
    assert_eq!(listed(&client).await.len(), 0);
    let list = dispensary_on(data, ["list", "--json"]);
    assert_eq!(list.json(), json!([]));
    assert!(list.stderr.contains("dispense_list_v1 is paused"), "{}", list.stderr);
    let health = dispensary_on(data, ["health"]);
    assert_eq!(health.code, Some(1));
    assert_eq!(health.error(), "error: dispense_list_v1 is paused");
    assert!(health.stdout.contains("1 commit, "), "it lags: {}", health.stdout);
    let (status, served) = client.get("/health").await;
    assert_eq!(status, 503, "{served}");
    for (consumer, state) in [(0, "running"), (1, "paused"), (2, "running")] {
        assert_eq!(served["consumers"][consumer]["state"], state);
    }

    assert!(dispensary_on(data, ["resume", LIST]).success);
    assert_eq!(client.dispense_at(&id, 1).await.0, 200);
    assert_eq!(listed(&client).await, [id]);
    eventually("the server's workers are all at work", async || {
        (client.get("/health").await.0 == 200).then_some(())
    })
    .await;
    assert!(dispensary_on(data, ["health"]).success);
}

#[test]
fn the_main_job_begins_nothing_that_a_paused_view_would_not_show() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let prescriptions = tempfile::tempdir().unwrap();
    std::fs::write(prescriptions.path().join("one.txt"), PRESCRIPTION).unwrap();
    let main_job = ["--prescriptions", prescriptions.path().to_str().unwrap()];
    assert!(dispensary_on(data, main_job).success);
    for view in [LIST, DETAIL] {
        assert!(dispensary_on(data, ["pause", view]).success);
        let refused = dispensary_on(data, main_job);
        assert!(refused.error().contains(&format!("{view} is paused: `resume {view} --data-dir")));
        let resumed = dispensary_on(data, ["resume", view]);
        assert_eq!(resumed.stdout.trim(), format!("{view} goes on, in all processes"));
    }
    assert_eq!(json_of(data, &["list"]).as_array().unwrap().len(), 1, "nothing was begun");
    assert!(dispensary_on(data, main_job).success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewound_projection_shows_what_came_before_and_goes_on_from_there() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    start_dispenses(data, 10).await;
    let before = json_of(data, &["list"]);
    assert!(dispensary_on(data, ["pause", LIST]).success, "so that nobody goes on meanwhile");
    for (place, commits) in [
        (&["--to-position", "4"][..], 4),
        (&["--to-position", "7"], 7),
        (&["--to-time", "2999-12-31T00:00:00Z"], 10),
        (&["--to-start"], 0),
        (&["--to-end"], 10),
        (&["--to-time", "1999-12-31T00:00:00Z"], 0),
    ] {
        let rewind: Vec<&str> = ["rewind", LIST].iter().chain(place).copied().collect();
        let rewound = json_of(data, &rewind);
        assert_eq!(rewound, json!({ "consumer": LIST, "commits_before": commits }), "{place:?}");
        assert_eq!(json_of(data, &["list"]).as_array().unwrap().len(), commits);
        let health = dispensary_on(data, ["health", "--json"]);
        let health: Value = serde_json::from_str(&health.stdout).unwrap();
        assert_eq!(health["consumers"][1]["lag_commits"], 10 - commits);
        assert_eq!(health["consumers"][2]["lag_commits"], 0, "the other one stays");
    }
    assert!(dispensary_on(data, ["resume", LIST]).success);
    assert_eq!(json_of(data, &["list"]), before);
}
