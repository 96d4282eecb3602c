//! The dispensary's work shared out among processes, as far as no data stream is needed. From outside.

mod support;

use serde_json::json;
#[cfg(feature = "aws")]
use support::DynamoDb;
use support::{
    Client, DISPENSARY, Embedded, Output, Place, Server, dispensary, dispensary_on, eventually,
};

const LIST: &str = "dispense_list_v1";

/// What the state of each consumer in the server's process is.
async fn states(client: &Client) -> Vec<(String, String)> {
    let (_, health) = client.get("/health").await;
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let consumers = health["consumers"].as_array().unwrap();
    consumers.iter().map(|it| (text(&it["consumer"]), text(&it["state"]))).collect()
}

async fn processes_share_out_the_work(data: &impl Place) {
    let api = Server::start_with(data, &["--roles", "api"]);
    let client = Client::of(&api);
    let id = client.dispense(0).await.unwrap();
    assert!(states(&client).await.iter().all(|(_, state)| state == "idle"), "nobody works here");
    assert_eq!(client.get(&format!("/dispenses/{id}")).await.0, 404);

    let list = DISPENSARY.start_on(data, ["project", "--view", LIST]);
    eventually("the list shows it", async || {
        let (_, page) = client.get("/dispenses").await;
        (page["dispenses"][0]["events"] == 4).then_some(())
    })
    .await;
    assert_eq!(client.get(&format!("/dispenses/{id}")).await.0, 404, "it is not in that view");

    let rest = DISPENSARY.start_on(data, ["serve", "--roles", "policy,project"]);
    eventually("the details show the analysis", async || {
        let (status, detail) = client.dispense_at(&id, 5).await;
        (status == 200 && detail["version"] == json!(5)).then_some(())
    })
    .await;
    #[cfg(unix)]
    for process in [list, rest] {
        let ended = process.interrupt();
        assert!(ended.success, "{ended:?}");
        assert!(ended.stdout.contains("at work: "), "{}", ended.stdout);
        assert!(!ended.stdout.contains("listening"), "it has no API: {}", ended.stdout);
    }
    #[cfg(unix)]
    assert!(api.terminate(), "SIGTERM ends it orderly");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_out_the_work_on_one_file() {
    processes_share_out_the_work(&Embedded::new()).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_out_the_work_on_dynamodb() {
    processes_share_out_the_work(&DynamoDb::new()).await;
}

#[test]
fn what_cannot_be_worked_on_is_said_in_one_sentence() {
    let data = Embedded::new();
    let no_view = dispensary_on(&data, ["project", "--view", LIST, "--view", "nosuch"]);
    assert_eq!(
        no_view.error(),
        "error: there is no view \"nosuch\"; there are dispense_list_v1, dispense_detail_v1"
    );
    for command in [&["publish"][..], &["serve", "--roles", "api,publish"]] {
        let refused = dispensary_on(&data, command);
        assert_eq!(refused.error(), "error: publishing goes with --backend aws", "{command:?}");
    }
    for command in [&["project"][..], &["serve", "--roles", "policy"]] {
        let refused = dispensary(command);
        assert!(refused.error().contains("--data-dir DIR says whose data"), "{command:?}");
    }
    let no_role = dispensary_on(&data, ["serve", "--roles", "api,nosuch"]);
    assert!(!no_role.success);
    assert!(no_role.stderr.contains("api, publish, project, policy"), "{}", no_role.stderr);
}

#[test]
fn flags_of_another_backend_are_refused() {
    let on = |backend: &str, flags: &[&str]| -> Output {
        let command = ["list", "--data-dir", "nowhere", "--backend", backend];
        dispensary(command.iter().chain(flags))
    };
    const URL: &str = "http://127.0.0.1:1";
    for (backend, flags, expected) in [
        ("sqlite", &["--data-stream", "events"][..], "--data-stream goes with --backend aws"),
        ("dynamodb", &["--data-stream", "events"], "--data-stream goes with --backend aws"),
        (
            "dynamodb",
            &["--kinesis-endpoint-url", URL],
            "--kinesis-endpoint-url goes with --backend aws",
        ),
        (
            "sqlite",
            &["--endpoint-url", URL],
            "--endpoint-url goes with --backend dynamodb and --backend aws",
        ),
        ("aws", &["--local"], "--local goes with --backend dynamodb"),
    ] {
        assert_eq!(on(backend, flags).error(), format!("error: {expected}"), "{backend} {flags:?}");
    }
}

#[cfg(feature = "aws")]
#[test]
fn a_kinesis_that_cannot_be_reached_is_named() {
    let tables = DynamoDb::new();
    let arguments: Vec<_> = tables
        .arguments()
        .into_iter()
        .map(|argument| if argument == "dynamodb" { "aws".into() } else { argument })
        .collect();
    let flags = ["publish", "--kinesis-endpoint-url", "http://127.0.0.1:1"];
    let refused = dispensary(flags.iter().map(Into::into).chain(arguments.clone()));
    assert!(refused.error().contains("at http://127.0.0.1:1 is not available"), "{refused:?}");
    let flags = ["list", "--data-stream", "a stream"];
    let refused = dispensary(flags.iter().map(Into::into).chain(arguments));
    assert!(refused.error().contains("data stream \"a stream\" is not valid"), "{refused:?}");
}
