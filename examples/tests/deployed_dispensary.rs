//! The dispensary as its template deploys it: functions behind an HTTP API, the stream of the log, and a data stream. From
//! outside.

mod support;

use std::path::Path;

use es_core::{MessageQueue as _, QueueName, Repository};
use es_examples::dispensary::domain::{Dispense, DispenseCommand};
use es_examples::dispensary::files::PrescriptionFiles;
use es_examples::dispensary::functions::{CATCH_UP, DATA_STREAM, DEAD_RECORDS};
use es_examples::dispensary::views::{DispenseDetails, DispenseList};
use es_sns_sqs::SqsQueues;
use futures::future::join_all;
use serde_json::{Value, json};
use support::{
    AwsWithQueues, Client, DISPENSARY, Deployed, Output, PRESCRIPTION, eventually, replay,
};

/// What a dispense has in the end that `Client::dispense` drives: four commands, and the analysis.
const EVENTS: u64 = 5;

/// The dispense, once the views show it at that version.
async fn shown(client: &Client, id: &str, version: u64) -> Value {
    eventually("the views have come so far", async || {
        let (status, dispense) = client.dispense_at(id, version).await;
        // A wait that is over before that is a 503: clients ask again.
        assert!([200, 503].contains(&status), "{dispense}");
        (status == 200).then_some(dispense)
    })
    .await
}

async fn views_are_what_the_log_says(deployed: &Deployed) {
    deployed.assert_view_is_the_fold(|| DispenseList).await;
    deployed.assert_view_is_the_fold(|| DispenseDetails).await;
}

#[tokio::test]
async fn prescriptions_go_through_bucket_log_and_data_stream_to_the_analyst_and_into_both_views() {
    let deployed = Deployed::system("dispensary", &[]).await;
    let client = Client::at(&deployed.api());
    // Nothing was ever written: the first request finds views all the same.
    assert_eq!(client.get("/dispenses").await, (200, json!({ "dispenses": [] })));
    let requests = include_str!("../dispensary/requests/dispensary.http");
    assert!(replay(requests, &deployed.api()).await >= 30);

    // Under other keys than the requests before.
    let ids = join_all((100..106).map(async |n| client.dispense(n).await.unwrap())).await;
    for id in &ids {
        let dispense = shown(&client, id, EVENTS).await;
        assert_eq!(dispense["status"], "ready", "{dispense}");
        assert_eq!(dispense["findings"]["items"].as_array().unwrap().len(), 1, "{dispense}");
        let key = dispense["prescription"]["key"].as_str().unwrap();
        let stored = client.http.get(file(&deployed, key)).send().await.unwrap();
        assert_eq!(stored.text().await.unwrap(), PRESCRIPTION);
    }
    // Asked again under the same keys, nothing happens again.
    assert_eq!(client.dispense(103).await.unwrap(), ids[3]);
    assert_eq!(client.events(&ids[3]).await.len() as u64, EVENTS);

    // Those that are shipped, each as it is.
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dispensary/prescriptions");
    let files = std::fs::read_dir(shipped).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<_> = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let analyzed = texts.iter().take(8).enumerate().map(async |(n, text)| {
        let id = client.start(&format!("shipped-{n}")).await;
        let (path, key) = (format!("/dispenses/{id}/prescription"), format!("upload-{n}"));
        let uploaded = client.post(&path, &key, "text/plain", text.clone()).await.unwrap();
        assert_eq!(uploaded.0, 202, "{}", uploaded.1);
        shown(&client, &id, 3).await
    });
    for dispense in join_all(analyzed).await {
        assert_eq!(dispense["status"], "ready", "{dispense}");
    }
    // A program and the function that catches up go on from the same places.
    let bucket = ["--bucket", deployed.output("BucketPrescriptionsName"), "--json"];
    for _ in 0..2 {
        let caught_up = deployed.invoke(CATCH_UP).await;
        let all = caught_up.as_array().unwrap_or_else(|| panic!("{caught_up}"));
        assert!(all.len() == 4 && all.iter().all(|it| it["ended"] == "at_the_end"), "{caught_up}");
        DISPENSARY.run_on(deployed.place(), ["rebuild"].iter().chain(&bucket)).json();
    }
    views_are_what_the_log_says(&deployed).await;
    deployed.delete().await;
}

#[tokio::test]
async fn records_that_cannot_be_read_are_kept_and_a_lost_prescription_waits_and_others_flow() {
    let deployed = Deployed::system("dispensary", &[]).await;
    let client = Client::at(&deployed.api());
    client.start("before").await;
    deployed.poison().await;
    let poison = json!({
        "StreamName": format!("{}{DATA_STREAM}", deployed.prefix()),
        "PartitionKey": "poison",
        "Data": "cG9pc29u",
    });
    deployed.place().ask("kinesis", "Kinesis_20131202.PutRecord", poison).await;
    // The API stores a prescription before it says so; whoever loses it later leaves this behind.
    let lost = PrescriptionFiles::check("text/plain", PRESCRIPTION.as_bytes()).unwrap();
    let dispenses = Repository::<Dispense>::new(deployed.store().await);
    dispenses.execute("lost", DispenseCommand::Start).await.unwrap();
    let upload = DispenseCommand::UploadPrescription(lost.clone());
    dispenses.execute("lost", upload).await.unwrap();
    let behind = client.start("behind").await;
    client.upload(&behind, "Metformin 850 mg tablets, 1 tablet bd").await;

    assert_eq!(shown(&client, &behind, 3).await["status"], "ready", "others flow");
    let queues = SqsQueues::builder().connection(deployed.connection().connection());
    let queues = queues.connect().await.unwrap();
    let queue = QueueName::new(&format!("{}{DEAD_RECORDS}", deployed.prefix())).unwrap();
    // The publisher has met the one in the log, and three functions the one in the data stream.
    eventually("the records are in the queue", async || {
        (queues.counts(&queue).await.unwrap().visible == 4).then_some(())
    })
    .await;
    let health = eventually("the prescription is missed", async || {
        let (status, health) = client.get("/health").await;
        (status == 503).then_some(health)
    })
    .await;
    let letters = |consumer: &Value| consumer["dead_letters"].as_u64().unwrap();
    let consumers = health["consumers"].as_array().unwrap();
    let waiting: Vec<_> = consumers.iter().filter(|consumer| letters(consumer) > 0).collect();
    assert!(matches!(waiting[..], [it] if it["consumer"] == "prescription_analysis"), "{health}");
    let (status, problem) = client.dispense_at("lost", 3).await;
    assert_eq!((status, &problem["type"]), (500, &json!("/problems/parked")), "{problem}");

    // Somebody brings it back into the bucket, and has it analyzed.
    let retry = |bucket: &str| -> Output {
        let of_stack = ["dead-letters", "retry", "--all", "--bucket", bucket, "--json"];
        DISPENSARY.run_on(deployed.place(), of_stack)
    };
    let nobodys = format!("{}nobodys", deployed.prefix());
    assert_eq!(retry(&nobodys).error(), format!("error: there is no bucket {nobodys}"));
    let arn = retry("arn:aws:s3:::prescriptions");
    assert!(arn.error().contains("is not the name of a bucket"), "{arn:?}");
    let bucket = deployed.output("BucketPrescriptionsName");
    let still_lost = retry(bucket);
    assert_eq!(still_lost.error(), "error: 1 stream failed again and stays parked");
    let put = client.http.put(file(&deployed, &lost.key)).body(PRESCRIPTION).send().await;
    assert!(put.unwrap().status().is_success());
    let retried = retry(bucket).json();
    assert_eq!(retried["freed"][0]["stream"], "dispense:lost", "{retried}");
    assert_eq!(shown(&client, "lost", 3).await["status"], "ready");

    deployed.cure().await;
    views_are_what_the_log_says(&deployed).await;
    deployed.delete().await;
}

#[tokio::test]
async fn the_template_without_functions_makes_all_that_the_program_needs() {
    let data = AwsWithQueues::new();
    data.deploy(&DISPENSARY.run(["template", "--without-functions"]).json()).await;
    let files = tempfile::tempdir().unwrap();
    let files = ["--data-dir", files.path().to_str().unwrap()];
    // Looking makes nothing: what is there was made by the stack.
    let list = DISPENSARY.run_on(&data, ["list", "--json"].iter().chain(&files)).json();
    assert_eq!(list, json!([]));
    let health = DISPENSARY.run_on(&data, ["health", "--json"].iter().chain(&files)).json();
    let consumers = health["consumers"].as_array().unwrap();
    assert!(consumers.iter().all(|it| it["well"] == true) && consumers.len() == 4, "{health}");
}

/// Where the bucket has a prescription.
fn file(deployed: &Deployed, key: &str) -> String {
    let bucket = deployed.output("BucketPrescriptionsName");
    format!("{}/{bucket}/{key}", deployed.place().endpoint())
}
