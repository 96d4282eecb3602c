//! The users as their template deploys them: functions behind an HTTP API, from outside.

mod support;

use es_core::{
    Clock as _, Codec, CommitId, Compression, EncodedEvents, EncodedMetadata, EventStore as _,
    Expected, MessageQueue as _, NewCommit, QueueName, ReceiveOptions, SystemClock, SystemEntropy,
};
use es_examples::users::domain::{Money, User, UserEvent};
use es_examples::users::functions::{CATCH_UP, DEAD_RECORDS};
use es_examples::users::views::{UserDetails, UserSummaries};
use es_sns_sqs::SqsQueues;
use serde_json::{Value, json};
use support::{Deployed, USERS, eventually, replay};

/// Somebody who uses the API of a stack, and looks behind it.
struct Stack {
    deployed: Deployed,
    url: String,
}

impl Stack {
    async fn new() -> Self {
        let deployed = Deployed::system("users", &[]).await;
        let url = deployed.api();
        Self { deployed, url }
    }

    async fn asked(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.asked(self.deployed.client().get(format!("{}{path}", self.url))).await
    }

    /// The sequence number of a command that has to be taken.
    async fn take(&self, user_id: &str, event_type: &str, payload: Value) -> u64 {
        let command = json!({ "user_id": user_id, "event_type": event_type, "payload": payload });
        let post = self.deployed.client().post(format!("{}/command", self.url)).json(&command);
        let (status, body) = self.asked(post).await;
        assert_eq!(status, 200, "{body}");
        body["sequence"].as_u64().unwrap()
    }

    /// What is in the queue for records that could not be read.
    async fn dead_records(&self) -> Vec<String> {
        let connection = self.deployed.connection().connection();
        let queues = SqsQueues::builder().connection(connection).connect().await.unwrap();
        let queue = QueueName::new(&format!("{}{DEAD_RECORDS}", self.deployed.prefix())).unwrap();
        eventually("a record is in the queue", async || {
            let found = queues.receive(&queue, ReceiveOptions::default()).await.unwrap();
            let bodies = found.into_iter().map(|message| message.body);
            Some(bodies.collect::<Vec<_>>()).filter(|bodies| !bodies.is_empty())
        })
        .await
    }
}

/// Each read model is what the log says.
async fn read_models_are_what_the_log_says(deployed: &Deployed) {
    deployed.assert_view_is_the_fold(|| UserSummaries).await;
    deployed.assert_view_is_the_fold(|| UserDetails).await;
}

#[tokio::test]
async fn requests_go_through_the_api_to_the_log_and_by_its_stream_into_both_read_models() {
    let stack = Stack::new().await;
    // Nothing was ever written: the first request finds read models all the same.
    assert_eq!(stack.get("/list").await, (200, json!({ "Users": [] })));
    let requests = replay(include_str!("../users/requests/users.http"), &stack.url).await;
    assert!(requests >= 40, "{requests}");

    let ids: Vec<String> = (0..12).map(|n| format!("v-{n:02}")).collect();
    let journey = async |id: &String| {
        let person = json!({ "name": "Ada", "email": "ada@example.org" });
        stack.take(id, "USER_CREATED", person).await;
        stack.take(id, "BALANCE_CREDITED", json!({ "amount": 1000 })).await;
        let sequence = stack.take(id, "BALANCE_DEBITED", json!({ "amount": 250 })).await;
        let path = format!("/detail?user_id={id}&at_least={sequence}");
        // A wait that is over before the stream has come so far is a 503: clients ask again.
        let detail = eventually("the detail has come so far", async || {
            let (status, detail) = stack.get(&path).await;
            (status == 200).then_some(detail)
        });
        assert_eq!(detail.await["Balance"], 750);
        let path = format!("/list?of={id}&at_least={sequence}");
        eventually("the list has come so far", async || {
            (stack.get(&path).await.0 == 200).then_some(())
        })
        .await;
    };
    futures::future::join_all(ids.iter().map(journey)).await;

    read_models_are_what_the_log_says(&stack.deployed).await;
    // The program that runs elsewhere is about the same users.
    let shown = USERS.run_on(stack.deployed.place(), ["show", "v-03", "--json"]).json();
    assert_eq!(shown["account"]["balance"], 750, "{shown}");
    stack.deployed.delete().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_kept_and_a_commit_that_cannot_be_shown_waits_and_others_flow()
 {
    let stack = Stack::new().await;
    let person = || json!({ "name": "Ada", "email": "ada@example.org" });
    stack.take("before", "USER_CREATED", person()).await;
    stack.deployed.poison().await;
    // Nobody is credited before being created, says the aggregate; who writes past it can.
    let credited = [UserEvent::BalanceCredited { amount: Money::cents(5).unwrap() }];
    let events = EncodedEvents::encode(&credited, Codec::Json, Compression::None, usize::MAX);
    let now = SystemClock.now();
    let id = CommitId::generate(now, &SystemEntropy);
    let commit = NewCommit::new(id, now, EncodedMetadata::default(), events.unwrap());
    let stream = User::stream("unborn").unwrap();
    stack.deployed.store().await.append(&stream, Expected::Any, commit).await.unwrap();
    stack.take("behind", "USER_CREATED", person()).await;

    for id in ["before", "behind"] {
        eventually("others flow", async || {
            let (status, detail) = stack.get(&format!("/detail?user_id={id}&at_least=1")).await;
            (status == 200).then(|| assert_eq!(detail["Name"], "Ada"))
        })
        .await;
    }
    let dead = stack.dead_records().await;
    assert!(dead.iter().all(|record| record.contains("poison")), "{dead:?}");
    let health = eventually("the commit is parked", async || {
        let (status, health) = stack.get("/health").await;
        (status == 503).then_some(health)
    })
    .await;
    let parked = health["consumers"][0]["dead_letters"].as_u64();
    assert_eq!(parked, Some(1), "{health}");
    let (status, problem) = stack.get("/list?of=unborn&at_least=1").await;
    assert_eq!((status, &problem["type"]), (500, &json!("/problems/parked")), "{problem}");
    stack.deployed.cure().await;
    read_models_are_what_the_log_says(&stack.deployed).await;
    stack.deployed.delete().await;
}

#[tokio::test]
async fn what_a_mapping_did_not_push_is_there_after_catching_up_and_once_when_it_is_pushed_after_all()
 {
    let stack = Stack::new().await;
    let person = || json!({ "name": "Ada", "email": "ada@example.org" });
    let balance = async |user_id: &str, sequence: u64| {
        let path = format!("/detail?user_id={user_id}&at_least={sequence}");
        eventually("the detail has come so far", async || {
            let (status, detail) = stack.get(&path).await;
            (status == 200).then(|| detail["Balance"].clone())
        })
        .await
    };
    stack.take("known", "USER_CREATED", person()).await;
    assert_eq!(balance("known", 1).await, 0);
    eventually("the list has come so far", async || {
        (stack.get("/list?of=known&at_least=1").await.0 == 200).then_some(())
    })
    .await;
    stack.deployed.push_to("projector", false).await;
    stack.take("missed", "USER_CREATED", person()).await;
    let credited = stack.take("missed", "BALANCE_CREDITED", json!({ "amount": 700 })).await;

    let caught_up = stack.deployed.invoke(CATCH_UP).await;
    let figures = |answer: &Value| -> Vec<(u64, bool)> {
        let all = answer.as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        all.map(|it| (it["applied"].as_u64().unwrap(), it["ended"] == "at_the_end")).collect()
    };
    assert_eq!(figures(&caught_up), [(2, true); 2], "{caught_up}");
    assert_eq!(balance("missed", credited).await, 700);
    let again = stack.deployed.invoke(CATCH_UP).await;
    assert_eq!(figures(&again), [(0, true); 2], "{again}");

    // The mapping goes on where it was: what it pushes now is known, and what comes then is not.
    stack.deployed.push_to("projector", true).await;
    let credited = stack.take("missed", "BALANCE_CREDITED", json!({ "amount": 50 })).await;
    assert_eq!(balance("missed", credited).await, 750);
    read_models_are_what_the_log_says(&stack.deployed).await;
    stack.deployed.delete().await;
}
