//! Where the workflows are, as they are shown.

use es_core::{Error, ProcessStatus, ProcessSummary, Timestamp, ViewQuery};
use serde::Serialize;

use super::fulfilment::Workflows;

/// Where a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowState {
    /// It waits for an answer, a time, or the next attempt.
    Running,
    /// Something of it waits for an operator.
    Parked,
    /// All is done.
    Completed,
    /// All that was begun is undone.
    Compensated,
    /// It went back, and an operator gave up undoing a part.
    PartlyCompensated,
}

impl WorkflowState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Running, Self::Parked, Self::Completed, Self::Compensated, Self::PartlyCompensated];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Parked => "parked",
            Self::Completed => "completed",
            Self::Compensated => "compensated",
            Self::PartlyCompensated => "partly-compensated",
        }
    }

    /// The part of `query` that is there.
    pub fn query(self, query: ViewQuery) -> ViewQuery {
        match self.outcome() {
            Some(outcome) => query.equals("status", "completed").equals("outcome", outcome),
            None => query.equals("status", self.as_str()),
        }
    }

    /// Where a process of this status is, with the outcome that it may have.
    pub fn of(status: ProcessStatus, outcome: Option<&str>) -> Self {
        let ended_as = |end: &Self| end.outcome() == outcome;
        match status {
            ProcessStatus::Parked => Self::Parked,
            ProcessStatus::Completed => {
                let ends = [Self::Completed, Self::Compensated, Self::PartlyCompensated];
                ends.into_iter().find(ended_as).unwrap_or(Self::Completed)
            }
            _ => Self::Running,
        }
    }

    /// As what a saga is said to have ended.
    fn outcome(self) -> Option<&'static str> {
        match self {
            Self::Running | Self::Parked => None,
            Self::Completed => Some("completed"),
            Self::Compensated => Some("compensated"),
            Self::PartlyCompensated => Some("partly compensated"),
        }
    }
}

impl std::str::FromStr for WorkflowState {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = |status: &Self| status.as_str().eq_ignore_ascii_case(name);
        Self::ALL.into_iter().find(named).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is not a status; there are {names}")
        })
    }
}

/// A workflow in a list.
#[derive(Debug, Serialize)]
pub struct ListedWorkflow {
    /// Of which order.
    pub order_id: String,
    /// Where it is.
    pub status: WorkflowState,
    /// When it began.
    pub began_at: Timestamp,
    /// When something happened to it for the last time.
    pub changed_at: Timestamp,
    /// The names of the commands that wait for an operator.
    pub parked: Vec<String>,
}

impl ListedWorkflow {
    /// The workflow of an order.
    pub fn of(order_id: String, summary: &ProcessSummary) -> Self {
        Self {
            order_id,
            status: WorkflowState::of(summary.status, summary.outcome.as_deref()),
            began_at: summary.began_at,
            changed_at: summary.changed_at,
            parked: summary.parked.values().map(|command| command.name.clone()).collect(),
        }
    }
}

/// A line of the story of a workflow.
#[derive(Debug, Serialize)]
pub struct StoryLine {
    /// When.
    pub at: Timestamp,
    /// What has happened, without contents.
    pub what: String,
}

impl StoryLine {
    /// The story of an order's workflow; nothing, if it has none.
    ///
    /// # Errors
    ///
    /// Those of the log.
    pub async fn all_of(workflows: &Workflows, order: &str) -> Result<Vec<Self>, Error> {
        let story = workflows.story(order).await?;
        Ok(story.into_iter().map(|(at, what)| Self { at, what }).collect())
    }
}
