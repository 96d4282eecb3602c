//! The server that the tests ask.

use std::sync::atomic::{AtomicU32, Ordering};

use es_eventbridge::{EventBridgeBus, RuleDifference};
use es_routing::Rules;
use es_sns_sqs::SqsQueues;

use crate::support::Scene;

/// The variable that names a server, as `http://127.0.0.1:4566`; `aws` is the region's own, with the credentials and
/// the region of the environment. Tests leave their queues, `t<number>-…`, there.
const ENDPOINT: &str = "ES_TEST_ENDPOINT_EVENTBRIDGE";
/// What it says for the service itself.
const AWS: &str = "aws";

pub(crate) struct Server {
    pub(crate) bus: EventBridgeBus,
    pub(crate) queues: SqsQueues,
    /// Whether it is one that imitates AWS.
    is_imitation: bool,
    /// What is in memory lives as long.
    _scene: Option<Scene>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let Ok(endpoint) = std::env::var(ENDPOINT) else {
            let scene = Scene::new();
            let (bus, queues) = (scene.bus.clone(), scene.queues.clone());
            return Self { bus, queues, is_imitation: false, _scene: Some(scene) };
        };
        let prefix = name_prefix();
        let bus = EventBridgeBus::builder("shop").name_prefix(&prefix);
        let queues = SqsQueues::builder().name_prefix(&prefix);
        let is_imitation = endpoint != AWS;
        let (bus, queues) = match is_imitation {
            true => (bus.local_endpoint(&endpoint), queues.local_endpoint(&endpoint)),
            false => (bus, queues),
        };
        let bus = bus.connect().await.expect("a server that can be asked");
        let queues = queues.connect().await.expect("a server that can be asked");
        Self { bus, queues, is_imitation, _scene: None }
    }

    /// That the bus has none of the rules. ministack lists the rules of a bus that is not there: none. The documents
    /// say that it is an error.
    pub(crate) async fn check_finds_no_rule(&self, rules: &Rules) {
        let differences = self.bus.check(rules).await.expect("queues that are there");
        if self.is_imitation && !differences.contains(&RuleDifference::NoBus) {
            let missing = |it: &&RuleDifference| matches!(it, RuleDifference::MissingRule { .. });
            assert_eq!(differences.iter().filter(missing).count(), rules.iter().len());
        } else {
            assert_eq!(differences, [RuleDifference::NoBus]);
        }
    }
}

/// What no other test of this run begins its names with: a server may be shared.
fn name_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("t{}-{next}-", std::process::id())
}
