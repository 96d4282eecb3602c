//! Processes that a newer program leads, in the view of an older one.

use es_core::{
    Correlation, Decision, Event, ProcessManager, ProcessStatus, ProcessStatuses, ProcessSummary,
    Projection, Recorded, Trigger,
};

use crate::errand::{Errand, ErrandCommand, PARKED, RequestEvent};
use crate::stage::Stage;

/// The process manager, as it was in an earlier release.
#[derive(Debug, Default)]
struct OlderErrand;

/// Another form of how it begins, and nothing about answers in time.
#[derive(Debug, Event)]
#[event(prefix = "Errand")]
enum OlderEvent {
    Begun { effort: String },
    AnsweredLate,
}

impl ProcessManager for OlderErrand {
    const NAME: &'static str = Errand::NAME;
    const CATEGORIES: &'static [&'static str] = Errand::CATEGORIES;
    type Input = RequestEvent;
    type Event = OlderEvent;
    type Command = ErrandCommand;

    fn correlate(event: &Recorded<'_, &RequestEvent>) -> Correlation {
        Errand::correlate(event)
    }

    fn handle(&self, _: &Trigger<'_, Self>) -> Decision<Self> {
        Decision::ignore()
    }

    fn phase(fact: &OlderEvent) -> Option<&'static str> {
        match fact {
            OlderEvent::Begun { .. } => Some("on the way"),
            OlderEvent::AnsweredLate => Some("too late"),
        }
    }

    fn apply(&mut self, _: OlderEvent) {}
}

#[tokio::test]
async fn an_older_program_lists_processes_whose_facts_it_cannot_read() {
    let stage = Stage::new();
    let older = ProcessStatuses::<OlderErrand>::new();
    let older = Projection::on(older, stage.store.clone()).unwrap();
    let summary = async |id: &str| {
        assert_eq!(older.catch_up().await.unwrap().parked, 0, "in the dead letters of the view");
        older.view().get(id).await.unwrap().unwrap()
    };
    stage.hear("r-1", RequestEvent::Asked { effort: PARKED }).await;
    let began = stage.errands.history("r-1").await.unwrap()[0].recorded_at;
    let parked = summary("r-1").await;
    assert_eq!((parked.status, parked.since), (ProcessStatus::Parked, began));
    assert_eq!((parked.parked.len(), parked.deadlines.len()), (1, 1));
    assert_eq!(parked.phase.as_deref(), Some(ProcessSummary::UNKNOWN_PHASE));

    // What it can read of the same process counts again.
    stage.errands.cancel("r-1", "not needed").await.unwrap();
    assert_eq!(summary("r-1").await.phase, None);
    stage.hear("r-1", RequestEvent::Answered).await;
    let late = summary("r-1").await;
    assert_eq!((late.status, late.phase.as_deref()), (ProcessStatus::Cancelled, Some("too late")));

    stage.hear("r-2", RequestEvent::Asked { effort: 5 }).await;
    assert_eq!(summary("r-2").await.status, ProcessStatus::Running);
    stage.hear("r-2", RequestEvent::Answered).await;
    let answered = summary("r-2").await;
    assert_eq!(answered.status, ProcessStatus::Completed);
    assert_eq!((answered.outcome.as_deref(), answered.phase), (Some("answered"), None));
}
