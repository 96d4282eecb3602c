//! The program's work in parts that processes can share out among themselves.

use std::sync::Arc;

use clap::ValueEnum;
use es_core::Workers;

use crate::ingest::service::Ingest;

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Answer those who submit events and ask for results
    Api,
    /// Watch the directory (in AWS the bucket tells of its files itself)
    Watch,
    /// Process what was published, and tell the second queue
    Process,
    /// Handle the confirmations of the second queue
    Confirm,
    /// Bring the records up to date
    Project,
}

/// The parts that a process takes.
#[derive(Debug)]
pub(super) struct Roles(Vec<Role>);

impl Roles {
    /// Those that were asked for, or all.
    pub(super) fn of(asked_for: Vec<Role>) -> Self {
        match asked_for.is_empty() {
            true => Self(Role::value_variants().to_vec()),
            false => Self(asked_for),
        }
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Starts all that follow the log or a queue.
    pub(super) fn start_workers(&self, ingest: &Ingest) -> Workers {
        let mut workers = Workers::new();
        if self.has(Role::Process) {
            workers.start_queue(Arc::clone(&ingest.processor));
            workers.start(Arc::clone(&ingest.announcer));
        }
        if self.has(Role::Confirm) {
            workers.start_queue(Arc::clone(&ingest.confirmer));
        }
        if self.has(Role::Project) {
            workers.start(Arc::clone(&ingest.records));
        }
        workers
    }
}
