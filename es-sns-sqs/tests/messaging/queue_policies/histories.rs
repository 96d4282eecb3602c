//! Whatever is subscribed and ended, by two programs and by an older version.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    another_program, of_older_version, of_others, one, policy, statements, subscribe, too_large,
    unsubscribe, with_topics, write,
};

/// By then SQS shows what was written, and nothing from before.
const SETTLED: Duration = Duration::from_secs(90);

/// What happens to the policy of a queue.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// One of two programs subscribes the queue.
    Subscribe {
        other: bool,
        topic: usize,
    },
    Unsubscribe {
        other: bool,
        topic: usize,
    },
    /// An older version lets a topic in.
    OlderVersion {
        topic: usize,
    },
}

/// Some of them so long that they do not all fit.
fn name_of(topic: usize) -> String {
    let length = if topic < 3 { 200 } else { 10 };
    format!("{}-{topic}", "t".repeat(length))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (other, topic) = (any::<bool>(), 0..6_usize);
    let step = prop_oneof![
        4 => (other, topic.clone()).prop_map(|(other, topic)| Step::Subscribe { other, topic }),
        2 => (other, topic.clone()).prop_map(|(other, topic)| Step::Unsubscribe { other, topic }),
        1 => topic.prop_map(|topic| Step::OlderVersion { topic }),
    ];
    proptest::collection::vec(step, 1..12)
}

/// After each step the own topics are those that were let in and not taken out; a step that does not fit changes nothing.
async fn keeps_exactly_its_own(others: Vec<Value>, steps: Vec<Step>) {
    let names: Vec<_> = (0..6).map(name_of).collect();
    let scene = with_topics(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let programs = [scene.topics.clone(), another_program(&scene)];
    if !others.is_empty() {
        write(&scene, &others);
    }
    let mut expected = others.clone();
    let mut own = BTreeSet::new();
    for step in steps {
        // What one program has written the other one reads.
        scene.clock.advance(SETTLED);
        match step {
            Step::OlderVersion { topic } => {
                let mut with = expected.clone();
                with.push(of_older_version(&names[topic]));
                if sqs_takes(&with) {
                    own.insert(topic);
                    expected = with;
                    write(&scene, &expected);
                }
            }
            Step::Subscribe { other, topic } => {
                let mut wanted = own.clone();
                wanted.insert(topic);
                let mut with = others.clone();
                with.push(one(wanted.iter().map(|&it| &*names[it])));
                match subscribe(&programs[usize::from(other)], &names[topic]).await {
                    Ok(()) => {
                        assert!(sqs_takes(&with), "{step:?} does not fit");
                        (own, expected) = (wanted, with);
                    }
                    Err(error) => {
                        let said = too_large(error);
                        assert!(!sqs_takes(&with), "{step:?}: {said}");
                    }
                }
            }
            Step::Unsubscribe { other, topic } => {
                let done = unsubscribe(&programs[usize::from(other)], &names[topic]).await;
                done.unwrap_or_else(|error| panic!("{}", error.with_causes()));
                if own.remove(&topic) {
                    expected.clone_from(&others);
                    let left: Vec<_> = own.iter().map(|&it| &*names[it]).collect();
                    expected.extend((!left.is_empty()).then(|| one(left)));
                }
            }
        }
        assert_eq!(statements(&scene), expected, "{step:?}");
    }
}

/// Whether it has no more than SQS takes; the principals are few here.
fn sqs_takes(statements: &[Value]) -> bool {
    let operators = |it: &Value| it["Condition"].as_object().cloned().unwrap_or_default();
    let keys = statements.iter().flat_map(operators).map(|(_, keys)| match keys {
        Value::Object(keys) => keys.len(),
        _ => 0,
    });
    keys.sum::<usize>() <= 10
        && statements.len() <= 20
        && policy(statements).to_string().len() <= 8_192
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_subscribed_and_ended_own_topics_are_exact_and_others_keep_what_they_said(
        statements in prop_oneof![4 => 0..6_usize, 1 => 19..21_usize],
        conditions in 0..3_usize,
        padding in prop_oneof![Just(0), 6_500..7_900_usize],
        steps in steps(),
    ) {
        let conditions = if statements > 10 { 0 } else { conditions };
        let mut others = of_others(statements, conditions, 1);
        if let Some(first) = others.first_mut() {
            let said = policy(std::slice::from_ref(first)).to_string().len();
            first["Sid"] = json!("x".repeat(padding.saturating_sub(said)));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(keeps_exactly_its_own(others, steps));
    }
}
