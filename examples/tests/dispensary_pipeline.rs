//! The dispensary by way of DynamoDB and Kinesis: its roles as processes, some of which are killed, with a
//! shard that splits, and with a Kinesis that is away. From outside, on local servers.
#![cfg(feature = "aws")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use es_core::{ConsumerId, LiveView, StreamId, Version, ViewQuery};
use es_examples::dispensary::backend::{self, Pipeline};
use es_examples::dispensary::service::Dispensary;
use es_examples::dispensary::views::{DispenseDetails, DispenseList};
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use support::{
    Aws, Client, DISPENSARY, Door, PRESCRIPTION, Running, Server, dispensary_on, eventually,
};
use tokio::sync::Notify;

const LIST: &str = "dispense_list_v1";
const DETAIL: &str = "dispense_detail_v1";

/// What a dispense has in the end: four commands, and the analysis of the policy.
const EVENTS: u64 = 5;

/// The same dispensary in the test's process, to look into it. Nothing runs here.
struct Inside {
    dispensary: Dispensary,
    pipeline: Pipeline,
}

impl Inside {
    async fn of(aws: &Aws) -> Self {
        let backend = backend::Aws::open(aws.files(), aws.options()).await.unwrap().backend();
        let pipeline = backend.pipeline.clone().unwrap();
        Self { dispensary: Dispensary::new(backend).await.unwrap(), pipeline }
    }

    /// The process ids of those who work on a consumer.
    async fn workers_of(&self, consumer: &str) -> BTreeSet<u32> {
        let consumer = ConsumerId::new(consumer).unwrap();
        let leases = self.pipeline.leases.leases(&consumer).await.unwrap();
        let owners = leases.into_iter().filter_map(|lease| lease.owner);
        owners.map(|owner| owner.as_str().split('-').nth(1).unwrap().parse().unwrap()).collect()
    }

    async fn wait_until_shown(&self, dispenses: &[String]) {
        const PATIENCE: Duration = Duration::from_secs(120);
        for id in dispenses {
            self.dispensary.views_show(id, Version::new(EVENTS), PATIENCE).await.unwrap();
        }
    }

    /// That the views show these dispenses, no others, and as the log says.
    async fn assert_views_are_the_fold_of_the_log(&self, dispenses: &[String]) {
        let log = self.dispensary.dispenses.store();
        let streams: Vec<StreamId> =
            dispenses.iter().map(|id| StreamId::new("dispense", id).unwrap()).collect();

        let query = ViewQuery::default().limit(1_000);
        let list = self.dispensary.list.view().list(&query).await.unwrap();
        let list: BTreeMap<_, _> = list.into_iter().collect();
        let folded = LiveView::new(DispenseList, log.clone()).unwrap();
        assert_eq!(list, folded.fold(&streams).await.unwrap());
        assert!(list.values().all(|dispense| dispense.events == EVENTS), "{list:?}");

        let details = self.dispensary.details.view().list(&query).await.unwrap();
        let details: BTreeMap<_, _> = details.into_iter().collect();
        let folded = LiveView::new(DispenseDetails, log.clone()).unwrap();
        assert_eq!(details, folded.fold(&streams).await.unwrap());
    }
}

/// Dispenses, several at a time; when the first few are done, something happens to the others.
async fn dispense_while(
    client: &Client,
    which: Range<usize>,
    happens: impl Future<Output = ()>,
) -> Vec<String> {
    let few = Notify::new();
    let fourth = which.start + 3;
    let dispense = async |n| {
        let id = client.dispense(n).await.unwrap();
        if n == fourth {
            few.notify_one();
        }
        id
    };
    let dispensing = stream::iter(which).map(dispense).buffer_unordered(4).collect();
    let (ids, ()) = tokio::join!(dispensing, async {
        few.notified().await;
        happens.await;
    });
    ids
}

/// `kill -9` in the middle of its work.
fn kill(process: Running) {
    let killed = process.kill();
    assert_eq!(killed.code, None, "it had ended: {killed:?}");
}

/// Where a consumer is, by the shard.
fn positions(health: &Value, consumer: &str) -> BTreeMap<String, String> {
    let consumers = health["consumers"].as_array().unwrap();
    let found = consumers.iter().find(|it| it["consumer"] == consumer).unwrap();
    let positions = found["positions"].as_array().unwrap().iter().map(|position| {
        let text = |field: &str| position[field].as_str().unwrap().to_owned();
        let partition = text("partition");
        // Behind it comes when the data stream was made.
        let shard = partition.split('@').next().unwrap_or_default();
        (shard.to_owned(), text("checkpoint"))
    });
    positions.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_and_a_shard_that_splits_leave_the_views_as_the_log_says() {
    let aws = Aws::new();
    let api = Server::start_with(&aws, &["--roles", "api"]);
    let (client, inside) = (Client::of(&api), Inside::of(&aws).await);
    // These are in the log's history for all who follow.
    let mut ids = dispense_while(&client, 0..4, async {}).await;
    let policy = DISPENSARY.start_on(&aws, ["serve", "--roles", "policy"]);
    let mut publisher = DISPENSARY.start_on(&aws, ["publish"]);
    let one = DISPENSARY.start_on(&aws, ["project"]);
    let other = DISPENSARY.start_on(&aws, ["project", "--view", LIST, "--view", DETAIL]);
    let both = BTreeSet::from([one.id(), other.id()]);
    for view in [LIST, DETAIL] {
        eventually("two processes share the shards", async || {
            (inside.workers_of(view).await == both).then_some(())
        })
        .await;
    }

    ids.extend(dispense_while(&client, 4..16, async { kill(one) }).await);
    ids.extend(dispense_while(&client, 16..32, async { kill(publisher) }).await);
    publisher = DISPENSARY.start_on(&aws, ["publish"]);
    inside.wait_until_shown(&ids).await;

    let third = DISPENSARY.start_on(&aws, ["project"]);
    ids.extend(dispense_while(&client, 32..48, aws.split_first_shard()).await);
    ids.extend(dispense_while(&client, 48..64, async { kill(other) }).await);
    inside.wait_until_shown(&ids).await;
    inside.assert_views_are_the_fold_of_the_log(&ids).await;

    let health = eventually("all is well, and the shard that was split is done", async || {
        let health = dispensary_on(&aws, ["health", "--json"]);
        let report: Value = serde_json::from_str(&health.stdout).unwrap();
        let split = |consumer| positions(&report, consumer)["shardId-000000000000"] == "es:end";
        (health.success && split(LIST) && split(DETAIL)).then_some(report)
    })
    .await;
    for view in [LIST, DETAIL] {
        let positions = positions(&health, view);
        let child = |n| positions[&format!("shardId-{n:012}")].as_str();
        assert!(
            [2, 3].into_iter().any(|n| !child(n).is_empty()),
            "nothing of its children was read"
        );
        let last = BTreeSet::from([third.id()]);
        eventually("the last process has all shards", async || {
            (inside.workers_of(view).await == last).then_some(())
        })
        .await;
    }

    #[cfg(unix)]
    for process in [policy, publisher, third] {
        let ended = process.interrupt();
        assert!(ended.success, "{ended:?}");
    }
    #[cfg(unix)]
    for view in [LIST, DETAIL] {
        assert_eq!(inside.workers_of(view).await, BTreeSet::new(), "leases are given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_kinesis_is_away_commands_are_taken_and_the_views_follow_when_it_is_back() {
    let aws = Aws::new();
    let door = Door::to(aws.kinesis()).await;
    let aws = aws.with_kinesis_at(&door.url);
    let server = Server::start(&aws);
    let client = Client::of(&server);
    let mut ids = vec![client.dispense(0).await.unwrap()];
    eventually("the first is shown", async || {
        (client.dispense_at(&ids[0], EVENTS).await.0 == 200).then_some(())
    })
    .await;

    door.shut();
    for n in 1..4 {
        ids.push(client.dispense(n).await.unwrap());
    }
    assert_eq!(client.get("/health").await.0, 503);
    let listed = dispensary_on(&aws, ["list"]);
    assert!(listed.error().contains(&door.url), "{listed:?}");
    let (status, detail) = client.get(&format!("/dispenses/{}?version=4", ids[3])).await;
    assert_eq!((status, &detail["version"]), (200, &json!(4)), "the log is asked, not the stream");
    assert_eq!(client.get(&format!("/dispenses/{}", ids[3])).await.0, 404, "no view has it");

    door.open();
    let inside = Inside::of(&aws).await;
    inside.wait_until_shown(&ids).await;
    inside.assert_views_are_the_fold_of_the_log(&ids).await;
    eventually("all is well", async || (client.get("/health").await.0 == 200).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_main_job_does_all_of_it_in_one_process_and_a_rebuild_comes_to_the_same() {
    let aws = Aws::new();
    let prescriptions = tempfile::tempdir().unwrap();
    for n in 0..5 {
        std::fs::write(prescriptions.path().join(format!("{n}.txt")), PRESCRIPTION).unwrap();
    }
    let report =
        dispensary_on(&aws, ["--json", "--prescriptions", prescriptions.path().to_str().unwrap()]);
    let report = report.json();
    assert_eq!((&report["dispenses"], &report["by_status"]["complete"]), (&json!(5), &json!(5)));
    let before = dispensary_on(&aws, ["list", "--json"]).json();
    assert!(dispensary_on(&aws, ["rebuild"]).success);
    assert_eq!(dispensary_on(&aws, ["list", "--json"]).json(), before);
}
