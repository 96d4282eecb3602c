//! How everybody is.

use es_core::QueueHealth;
use serde::Serialize;

use crate::aws::Place;
use crate::command_line::{AnyError, number, print, printable, table};
use crate::health::{self, HealthReport, health_table};

use super::opened::Opened;

/// How those are who follow the log, those who work on the queues, and the workflows.
#[derive(Debug, Serialize)]
struct InventoryHealth {
    /// Whether nothing needs an operator.
    well: bool,
    followers: HealthReport,
    queues: Vec<QueueHealth>,
    /// How many workflows wait for an operator.
    parked_workflows: usize,
}

pub(super) async fn run(place: &Place, json: bool) -> Result<(), AnyError> {
    let opened = Opened::existing(place).await?;
    let inventory = opened.to_look_at().await?;
    let mut health = InventoryHealth {
        well: true,
        followers: health::of(&inventory.consumers()).await?,
        queues: inventory.queues().await?,
        parked_workflows: inventory.parked().await?,
    };
    let complaints = health.complaints();
    health.well = complaints.is_empty();
    print(json, &health, || health.to_text())?;
    drop(inventory);
    opened.close().await?;
    match complaints.as_slice() {
        [] => Ok(()),
        complaints => Err(complaints.join("; ").into()),
    }
}

impl InventoryHealth {
    /// What needs an operator.
    fn complaints(&self) -> Vec<String> {
        let queues =
            self.queues.iter().filter(|queue| !queue.is_well()).map(|queue| {
                format!("{} has {} dead letters", queue.consumer, dead_letters(queue))
            });
        let parked = match self.parked_workflows {
            0 => None,
            1 => Some("1 workflow waits for an operator".to_owned()),
            n => Some(format!("{n} workflows wait for an operator")),
        };
        self.followers.complaint().into_iter().chain(queues).chain(parked).collect()
    }

    fn to_text(&self) -> String {
        let mut queues = table(["Queue", "Messages", "In flight", "Dead letters"]);
        for queue in &self.queues {
            queues.add_row([
                printable(&queue.queue).into(),
                number(queue.messages.visible + queue.messages.delayed),
                number(queue.messages.in_flight),
                number(dead_letters(queue)),
            ]);
        }
        let parked = self.parked_workflows;
        format!("{}\n{queues}\nparked workflows: {parked}", health_table(&self.followers))
    }
}

fn dead_letters(queue: &QueueHealth) -> u64 {
    queue.dead_letters.map_or(0, |counts| counts.visible + counts.in_flight + counts.delayed)
}
