use std::convert::Infallible;

use es_core::{Aggregate, Command, Event};

use super::{Money, OrderedItem};

/// That an order is to be fulfilled: says so once. Its id is the order's.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Workflow {
    /// Whether it was said.
    pub triggered: bool,
}

/// What can be asked of a workflow.
#[derive(Debug, Clone, Command)]
pub enum WorkflowCommand {
    /// Begin.
    Trigger {
        /// Its own name.
        workflow_id: String,
        /// What was ordered.
        items: Vec<OrderedItem>,
        /// What it costs.
        total: Money,
    },
}

/// What can happen to a workflow, before the saga takes it over.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Workflow")]
pub enum WorkflowEvent {
    /// An order is to be fulfilled.
    Triggered {
        /// The workflow's own name.
        workflow_id: String,
        /// What was ordered.
        items: Vec<OrderedItem>,
        /// What it costs.
        total: Money,
    },
}

impl Aggregate for Workflow {
    const CATEGORY: &'static str = "workflow";
    type Command = WorkflowCommand;
    type Event = WorkflowEvent;
    type Error = Infallible;

    fn handle(&self, command: WorkflowCommand) -> Result<Vec<WorkflowEvent>, Infallible> {
        let WorkflowCommand::Trigger { workflow_id, items, total } = command;
        Ok(match self.triggered {
            true => vec![],
            false => vec![WorkflowEvent::Triggered { workflow_id, items, total }],
        })
    }

    fn apply(&mut self, event: WorkflowEvent) {
        let WorkflowEvent::Triggered { .. } = event;
        self.triggered = true;
    }
}
