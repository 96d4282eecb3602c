//! Which views expire, and when a document does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{ViewName, ViewSchema};

use super::document::Document;
use crate::item::number;

/// The fields that documents expire by, of the views that were prepared through the store. Whoever writes
/// a view has prepared it.
#[derive(Debug, Default)]
pub(crate) struct ExpiringViews {
    fields: Mutex<HashMap<ViewName, &'static str>>,
}

impl ExpiringViews {
    pub(super) fn learn(&self, schema: &ViewSchema) {
        let mut fields = self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        match schema.expires_by {
            Some(field) => fields.insert(schema.name.clone(), field),
            None => fields.remove(&schema.name),
        };
    }

    /// When DynamoDB may remove the document: the whole seconds in the field that the view expires by.
    pub(super) fn expiry(
        &self,
        view: &ViewName,
        document: &Document<'_>,
    ) -> Option<AttributeValue> {
        let field = *self.fields.lock().unwrap_or_else(PoisonError::into_inner).get(view)?;
        let seconds = document.field(field)?.as_n().ok()?;
        let (whole, _) = seconds.split_once('.').unwrap_or((seconds, ""));
        Some(number(whole))
    }
}
