//! How many rules the policy of a queue has room for.

use es_core::Error;
use es_eventbridge::{PolicyLimit, QueuePolicyTooLarge};
use es_routing::{EventBus as _, NewBusEvent, Rules};
use serde_json::{Value, json};

use crate::support::{Scene, rules};

/// So many rules that all send to `work`.
fn many(number: usize) -> Rules {
    let rule = |n: usize| {
        json!({ "name": format!("rule-{n:03}"), "event_pattern": { "source": [format!("source-{n}")] },
            "targets": [{ "id": "work", "queue": "work" }] })
    };
    rules((0..number).map(rule).collect())
}

async fn with_queue() -> Scene {
    let scene = Scene::new();
    scene.make_queues(&many(1)).await;
    scene
}

fn policy(scene: &Scene) -> Option<String> {
    scene.messaging.attributes("p-work").get("Policy").cloned()
}

/// Lets others have said so much before, with so many conditions in each statement.
fn others_say(scene: &Scene, statements: usize, conditions: usize) {
    let keys = (0..conditions).map(|n| (format!("aws:PrincipalTag/{n}"), json!("x")));
    let condition = json!({ "StringEquals": keys.collect::<serde_json::Map<_, _>>() });
    let statement = |n: usize| {
        json!({ "Sid": format!("theirs{n}"), "Effect": "Allow", "Principal": "*",
            "Action": "sqs:GetQueueUrl", "Resource": "*", "Condition": condition })
    };
    let statements: Vec<_> = (0..statements).map(statement).collect();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    scene.messaging.set_attribute("p-work", "Policy", &policy.to_string());
}

/// How many requests there were that change a bus or a queue.
fn changes(scene: &Scene) -> usize {
    let of_bus = ["CreateEventBus", "PutRule", "PutTargets", "TagResource"];
    let of_bus: usize = of_bus.iter().map(|name| scene.events.requests(name).len()).sum();
    of_bus + scene.events.changes() + scene.messaging.count("SetQueueAttributes")
}

/// Deploys rules that are too many, which changes nothing, and returns what is said of it.
async fn refused(scene: &Scene, rules: &Rules) -> QueuePolicyTooLarge {
    let before = (policy(scene), changes(scene));
    let error = scene.bus.ensure(rules).await.expect_err("too much");
    assert_eq!((policy(scene), changes(scene)), before, "nothing is changed");
    too_large(error)
}

fn too_large(error: Error) -> QueuePolicyTooLarge {
    assert!(!error.is_transient());
    let text = error.with_causes();
    let Error::Backend { what, source } = error else { panic!("{text}") };
    assert_eq!(what, "letting rules send to queue p-work");
    let source = source.downcast::<QueuePolicyTooLarge>();
    *source.unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test]
async fn thirty_rules_send_to_one_queue() {
    let scene = with_queue().await;
    scene.bus.ensure(&many(30)).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    assert_eq!(scene.bus.check(&many(30)).await.unwrap(), []);

    for n in [0, 29] {
        let event = NewBusEvent::new(format!("source-{n}"), "Happened", json!({ "n": n })).unwrap();
        scene.bus.put_event(&event).await.unwrap();
    }
    let received = scene.bodies("work").await;
    let numbers: Vec<_> = received.iter().map(|event| event["detail"]["n"].clone()).collect();
    assert_eq!(numbers, [0, 29]);

    // With fewer rules the others are not let in any more.
    scene.bus.ensure(&many(29)).await.unwrap();
    let policy = policy(&scene).unwrap();
    assert!(policy.contains("rule/p-shop/rule-028") && !policy.contains("rule/p-shop/rule-029"));
    scene.bus.remove(&many(29)).await.unwrap();
    assert_eq!(scene.messaging.attributes("p-work").get("Policy"), None);
}

#[tokio::test]
async fn more_rules_than_a_policy_has_bytes_for_are_refused_and_nothing_is_changed() {
    for number in 120.. {
        let scene = with_queue().await;
        let Err(error) = scene.bus.ensure(&many(number)).await else { continue };
        let said = too_large(error);
        assert_eq!((said.queue.as_str(), said.limit), ("p-work", PolicyLimit::Bytes));
        assert!((8_193..8_193 + 64).contains(&said.actual), "no sooner than SQS: {said}");
        assert!(number > 120, "SQS has taken all that are fewer");
        assert_eq!((policy(&scene), changes(&scene)), (None, 0), "nothing was made");
        break;
    }
    let scene = with_queue().await;
    scene.bus.ensure(&many(30)).await.unwrap();
    let said = refused(&scene, &many(300)).await;
    assert_eq!(scene.bus.check(&many(30)).await.unwrap(), []);
    assert_eq!(
        said.to_string(),
        format!(
            "the policy of queue p-work would have {} bytes, and SQS takes 8192: let fewer topics or rules send to \
             it, and some to another queue, or give them shorter names",
            said.actual
        )
    );
}

#[tokio::test]
async fn what_others_have_written_into_a_policy_counts() {
    for (statements, conditions, limit, actual) in [
        (20, 0, PolicyLimit::Statements, 21),
        (10, 1, PolicyLimit::Conditions, 11),
        (5, 2, PolicyLimit::Conditions, 11),
    ] {
        let scene = with_queue().await;
        others_say(&scene, statements, conditions);
        let said = refused(&scene, &many(1)).await;
        assert_eq!((said.limit, said.actual), (limit, actual));
        assert!(said.to_string().contains("take away what is not needed any more"), "{said}");
    }
    for (statements, conditions) in [(19, 0), (9, 1), (3, 3)] {
        let scene = with_queue().await;
        others_say(&scene, statements, conditions);
        scene.bus.ensure(&many(30)).await.unwrap_or_else(|error| panic!("{}", error.with_causes()));
    }
}

#[tokio::test]
async fn ten_owners_and_buses_share_a_queue_and_an_eleventh_is_told() {
    let scene = with_queue().await;
    let bus = |n: u32| scene.another(&format!("bus-{}", n / 2), &format!("owner-{n}"));
    for n in 0..10 {
        bus(n).ensure(&own(n)).await.unwrap();
    }
    for n in 0..10 {
        bus(n).ensure(&own(n)).await.expect("nothing to change");
    }
    let said = refused(&scene, &many(1)).await;
    assert_eq!((said.limit, said.actual), (PolicyLimit::Conditions, 11));

    bus(1).remove(&own(1)).await.unwrap();
    scene.bus.ensure(&many(1)).await.expect("there is room again");
}

/// A rule of one of several owners.
fn own(owner: u32) -> Rules {
    rules(json!([{ "name": format!("of-{owner}"), "event_pattern": { "source": ["x"] },
        "targets": [{ "id": "work", "queue": "work" }] }]))
}

#[tokio::test]
async fn what_others_let_in_is_said_in_the_own_statement_and_holds_when_they_take_it_back() {
    let scene = with_queue().await;
    let arn = |rule: &str| format!("arn:aws:events:us-east-1:123456789012:rule/p-shop/{rule}");
    // As a stack, or a person, has let one of the rules in.
    let theirs = json!({
        "Sid": "theirs", "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
        "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:123456789012:p-work",
        "Condition": { "ArnEquals": { "aws:SourceArn": arn("rule-000") } },
    });
    let document = json!({ "Version": "2012-10-17", "Statement": [theirs] });
    scene.messaging.set_attribute("p-work", "Policy", &document.to_string());

    scene.bus.ensure(&many(2)).await.unwrap();
    let said = policy(&scene).unwrap();
    scene.bus.ensure(&many(2)).await.unwrap();
    assert_eq!(policy(&scene).unwrap(), said, "nothing to change");

    let mut said: Value = serde_json::from_str(&said).unwrap();
    let statements = said["Statement"].as_array_mut().unwrap();
    assert_eq!((statements.len(), &statements[0]), (2, &theirs), "theirs is as it was");
    let own = &statements[1]["Condition"]["ArnEquals"]["aws:SourceArn"];
    assert_eq!(*own, json!([arn("rule-000"), arn("rule-001")]));

    statements.remove(0);
    scene.messaging.set_attribute("p-work", "Policy", &said.to_string());
    assert_eq!(scene.bus.check(&many(2)).await.unwrap(), []);
    let event = NewBusEvent::new("source-0", "Happened", json!({ "n": 0 })).unwrap();
    scene.bus.put_event(&event).await.unwrap();
    assert_eq!(scene.bodies("work").await.len(), 1);
}

#[tokio::test]
async fn the_queues_in_memory_refuse_what_sqs_refuses() {
    let scene = with_queue().await;
    let sqs = scene.messaging.sqs();
    let url = sqs.get_queue_url().queue_name("p-work").send().await.unwrap().queue_url.unwrap();
    for (statements, conditions, said) in
        [(21, 0, "21 statements"), (11, 1, "11 conditions"), (1, 400, "bytes are more than 8192")]
    {
        others_say(&scene, statements, conditions);
        let policy = policy(&scene).unwrap();
        let set = sqs.set_queue_attributes().queue_url(&url);
        let set = set.attributes(aws_sdk_sqs::types::QueueAttributeName::Policy, policy);
        let refused = format!("{:?}", set.send().await.unwrap_err());
        assert!(refused.contains(said), "{refused}");
    }
}
