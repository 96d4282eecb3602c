//! The program's work in parts that processes can share out among themselves.

use std::sync::Arc;

use clap::ValueEnum;
use es_core::{AnyConsumer, Consumers};

use crate::command_line::AnyError;
use crate::dispensary::service::Dispensary;

use super::place::{BackendKind, Place};

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// Answer HTTP requests
    Api,
    /// Publish the log to the data stream (with --backend aws)
    Publish,
    /// Bring the views up to date
    Project,
    /// Analyze the uploaded prescriptions
    Policy,
}

/// The parts that a process takes.
#[derive(Debug)]
pub(super) struct Roles(Vec<Role>);

impl Roles {
    /// Those that were asked for, or all that there are with the backend of `place`.
    ///
    /// # Errors
    ///
    /// When there is nothing to publish to.
    pub(super) fn of(asked_for: Vec<Role>, place: &Place) -> Result<Self, AnyError> {
        let mut roles = asked_for;
        if roles.is_empty() {
            roles = Role::value_variants().to_vec();
            roles.retain(|role| *role != Role::Publish || publishes(place));
        }
        if roles.contains(&Role::Publish) && !publishes(place) {
            return Err("publishing goes with --backend aws".into());
        }
        Ok(Self(roles))
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Who does the work.
    pub(super) fn consumers(&self, dispensary: &Dispensary) -> Consumers {
        let mut consumers: Vec<Arc<dyn AnyConsumer>> = Vec::new();
        if self.has(Role::Publish) {
            consumers.extend(dispensary.publisher.clone());
        }
        if self.has(Role::Project) {
            consumers.extend(dispensary.projections().iter().cloned());
        }
        if self.has(Role::Policy) {
            consumers.push(dispensary.analysis.clone());
        }
        consumers.into_iter().collect()
    }
}

fn publishes(place: &Place) -> bool {
    place.backend == BackendKind::Aws
}
