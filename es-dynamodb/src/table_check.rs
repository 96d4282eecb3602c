//! Whether a table that exists is the one that its name promises.

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType, StreamViewType, TableDescription};
use es_core::{Error, Result};

use crate::tables::TableDefinition;

impl TableDefinition {
    /// Refuses a table that has this one's name and another layout, and says what differs. Indexes may
    /// be missing: they are made when a view is prepared.
    pub(crate) fn check(&self, found: &TableDescription) -> Result<()> {
        let differences: Vec<_> = self
            .difference_of_key(found)
            .into_iter()
            .chain(self.difference_of_stream(found))
            .collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Misuse(format!(
            "table {} has another layout: {}; choose another prefix, or another table",
            self.name,
            differences.join("; ")
        )))
    }

    fn difference_of_key(&self, found: &TableDescription) -> Option<String> {
        let expected = [
            (self.partition_key.name, &self.partition_key.kind, KeyType::Hash),
            (self.sort_key.name, &self.sort_key.kind, KeyType::Range),
        ]
        .map(|(name, kind, role)| described(name, Some(kind), &role))
        .join(", ");
        let mut keys: Vec<_> = found.key_schema().iter().collect();
        // The partition key first.
        keys.sort_by_key(|key| *key.key_type() != KeyType::Hash);
        let actual: Vec<_> = keys
            .iter()
            .map(|key| {
                let name = key.attribute_name();
                let definitions = found.attribute_definitions();
                let definition = definitions.iter().find(|one| one.attribute_name() == name);
                described(name, definition.map(|one| one.attribute_type()), key.key_type())
            })
            .collect();
        let actual = actual.join(", ");
        (actual != expected).then(|| format!("its key is {actual}, not {expected}"))
    }

    fn difference_of_stream(&self, found: &TableDescription) -> Option<String> {
        if !self.has_stream {
            return None;
        }
        let stream = found.stream_specification().filter(|stream| stream.stream_enabled());
        match stream.and_then(|stream| stream.stream_view_type()) {
            Some(StreamViewType::NewImage | StreamViewType::NewAndOldImages) => None,
            Some(other) => Some(format!("its stream has {other}, and the feed needs NEW_IMAGE")),
            None => Some("it has no stream, and the feed needs one with NEW_IMAGE".to_owned()),
        }
    }
}

/// As `pk (S, HASH)`.
fn described(name: &str, kind: Option<&ScalarAttributeType>, role: &KeyType) -> String {
    let kind = kind.map_or("?", ScalarAttributeType::as_str);
    format!("{name} ({kind}, {role})")
}
