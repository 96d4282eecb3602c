use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use es_core::memory::MemoryStore;
use es_core::{
    Clock, ConsumerId, Deadline, DeadlineHandler, DeadlineId, DeadlineStore, DeadlineSweeper,
    Result,
};
use es_lambda::{ScheduleFunction, schedule};
use serde_json::json;

use crate::kit::{Desk, SECOND, fixture};

/// Keeps what fired; what begins with `hang` does not end.
#[derive(Default)]
struct Reminders(Mutex<Vec<String>>);

#[async_trait]
impl DeadlineHandler for Reminders {
    async fn fire(&self, deadline: &Deadline) -> Result<()> {
        if deadline.instance().starts_with("hang") {
            std::future::pending::<()>().await;
        }
        self.0.lock().unwrap().push(deadline.instance().to_owned());
        Ok(())
    }
}

impl Reminders {
    fn fired(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A function whose process has these deadlines, each so many seconds from now.
async fn function(
    desk: &Desk,
    deadlines: &[(&str, u32)],
) -> (ScheduleFunction, Arc<Reminders>, Arc<MemoryStore>) {
    let (store, reminders) = (Arc::new(MemoryStore::new()), Arc::new(Reminders::default()));
    let process = ConsumerId::new("checkout").unwrap();
    for (number, (instance, seconds)) in deadlines.iter().enumerate() {
        let id = DeadlineId::from_bytes([number.try_into().unwrap(); 16]);
        let at = desk.clock.now() + *seconds * SECOND;
        store.set(&[Deadline::new(process.clone(), instance, id, at).unwrap()]).await.unwrap();
    }
    let sweeper = DeadlineSweeper::new(process, store.clone(), reminders.clone())
        .with_clock(desk.clock.clone());
    (schedule(sweeper).with_clock(desk.clock.clone()), reminders, store)
}

#[tokio::test]
async fn what_is_due_fires_whatever_the_event_says() {
    let desk = Desk::new().await;
    for event in [fixture!("schedule"), json!({}), json!("test"), json!(null)] {
        let (function, reminders, _) = function(&desk, &[("now", 0), ("later", 60)]).await;
        let swept = function.invoke(desk.event(&event)).await.unwrap();
        assert_eq!((swept.fired, swept.failed), (1, 0));
        assert_eq!(reminders.fired(), ["now"]);
    }
}

#[tokio::test]
async fn what_becomes_due_before_the_next_invocation_fires_at_its_time() {
    let desk = Desk::new().await;
    let (function, reminders, _) = function(&desk, &[("a", 5), ("b", 20), ("c", 61)]).await;
    let function = function.with_lookahead(60 * SECOND);
    let event = desk.event_with(&fixture!("schedule"), 90 * SECOND);
    let watching = async {
        desk.pass(6 * SECOND).await;
        let early = reminders.fired();
        desk.pass(20 * SECOND).await;
        early
    };
    let (swept, early) = futures::join!(function.invoke(event), watching);
    assert_eq!(swept.unwrap().fired, 2);
    assert_eq!(early, ["a"]);
    assert_eq!(reminders.fired(), ["a", "b"]);
}

#[tokio::test]
async fn a_sweep_ends_before_the_invocation_does_and_leaves_what_was_firing() {
    let desk = Desk::new().await;
    let (function, reminders, store) = function(&desk, &[("hang", 0), ("now", 0)]).await;
    let event = desk.event_with(&fixture!("schedule"), 10 * SECOND);
    desk.within(10 * SECOND, function.invoke(event)).await.unwrap();
    assert_eq!(desk.clock.monotonic(), 9 * SECOND);
    assert_eq!(reminders.fired(), ["now"]);
    let process = ConsumerId::new("checkout").unwrap();
    assert!(store.next(&process).await.unwrap().is_some());
}
