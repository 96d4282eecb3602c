//! The order of a FIFO queue behind a record that cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use es_core::ReceivedMessage;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::batch;

/// Groups of a FIFO queue whose next message cannot be read: what comes behind it has to wait for it.
pub(super) struct HeldBack {
    is_fifo: bool,
    groups: BTreeSet<String>,
    /// Since a record that does not say its group, which may be any.
    all: bool,
}

/// What of a record says where it belongs, whatever else is wrong with it.
#[derive(Deserialize)]
struct Belongs {
    #[serde(rename = "eventSourceARN")]
    arn: Option<Value>,
    attributes: Option<BTreeMap<String, Value>>,
}

impl HeldBack {
    /// For these records, which are of one queue.
    pub(super) fn among(records: &[&RawValue]) -> Self {
        let is_fifo = |record: &&RawValue| {
            let arn = batch::read::<Belongs>(record).ok().and_then(|belongs| belongs.arn);
            arn.as_ref().and_then(Value::as_str).is_some_and(|arn| arn.ends_with(".fifo"))
        };
        let is_fifo = records.iter().any(is_fifo);
        Self { is_fifo, groups: BTreeSet::new(), all: false }
    }

    /// The record cannot be read, and comes again.
    pub(super) fn comes_again(&mut self, record: &RawValue) {
        let attributes = batch::read::<Belongs>(record).ok().and_then(|it| it.attributes);
        let group = attributes.as_ref().and_then(|all| all.get("MessageGroupId"));
        match group.and_then(Value::as_str) {
            Some(group) => drop(self.groups.insert(group.to_owned())),
            None => self.all = true,
        }
    }

    /// Whether the message has to wait for one before it.
    pub(super) fn has(&self, message: &ReceivedMessage) -> bool {
        let of_group = message.group.as_ref().is_some_and(|group| self.groups.contains(group));
        self.is_fifo && (self.all || of_group)
    }
}
