//! The tables: how they are called and what they look like.

use aws_sdk_dynamodb::types::ScalarAttributeType;
use es_core::{Error, Result, ViewName};

/// The partition key of every table but those of views.
pub(crate) const PARTITION_KEY: &str = "pk";
/// The sort key of every table but those of views.
pub(crate) const SORT_KEY: &str = "sk";

/// The names of the tables of one application, all with its prefix: `<prefix>events`,
/// `<prefix>state` and `<prefix>view_<view>`.
#[derive(Debug, Clone)]
pub(crate) struct TableNames {
    prefix: String,
    pub(crate) events: String,
    pub(crate) state: String,
}

impl TableNames {
    /// The longest prefix: with the longest name of a view behind it, it is inside the 255 characters
    /// that DynamoDB allows.
    const MAX_PREFIX_LEN: usize = 128;

    pub(crate) fn new(prefix: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let reason = if prefix.len() > Self::MAX_PREFIX_LEN {
            "it is longer than 128 characters"
        } else if !prefix.chars().all(allowed) {
            "it may have ASCII letters, digits, '_', '-' and '.' only"
        } else {
            let (events, state) = (format!("{prefix}events"), format!("{prefix}state"));
            return Ok(Self { prefix: prefix.to_owned(), events, state });
        };
        Err(Error::InvalidId {
            what: "table prefix",
            value: prefix.chars().take(64).collect(),
            reason,
        })
    }

    /// The table of a view. A view that is rebuilt shares it with the live one, whose place it takes.
    pub(crate) fn view(&self, view: &ViewName) -> String {
        let name = view.as_str();
        format!("{}view_{}", self.prefix, name.strip_suffix("_rebuild").unwrap_or(name))
    }
}

/// What a table looks like: the source of the requests that create it and of the CloudFormation
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    pub(crate) name: String,
    pub(crate) partition_key: KeyAttribute,
    pub(crate) sort_key: KeyAttribute,
    /// Whether changes come out of a stream, with the new images.
    pub(crate) has_stream: bool,
    /// The attribute with the second after which DynamoDB may remove an item.
    pub(crate) expires_by: Option<&'static str>,
}

/// An attribute of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    pub(crate) name: &'static str,
    pub(crate) kind: ScalarAttributeType,
}

impl TableNames {
    /// The log.
    pub(crate) fn events_definition(&self) -> TableDefinition {
        TableDefinition {
            name: self.events.clone(),
            partition_key: KeyAttribute { name: PARTITION_KEY, kind: ScalarAttributeType::S },
            sort_key: KeyAttribute { name: SORT_KEY, kind: ScalarAttributeType::N },
            has_stream: true,
            expires_by: None,
        }
    }

    /// Snapshots, progress, leases and idempotency records.
    pub(crate) fn state_definition(&self) -> TableDefinition {
        TableDefinition {
            name: self.state.clone(),
            partition_key: KeyAttribute { name: PARTITION_KEY, kind: ScalarAttributeType::S },
            sort_key: KeyAttribute { name: SORT_KEY, kind: ScalarAttributeType::S },
            has_stream: false,
            expires_by: Some(EXPIRES_AT),
        }
    }

    /// The documents of one view. Its indexes depend on the view's fields: see `views`.
    pub(crate) fn view_definition(&self, view: &ViewName) -> TableDefinition {
        TableDefinition {
            name: self.view(view),
            partition_key: KeyAttribute { name: VIEW_GENERATION, kind: ScalarAttributeType::S },
            sort_key: KeyAttribute { name: VIEW_KEY, kind: ScalarAttributeType::S },
            has_stream: false,
            expires_by: Some(EXPIRES_AT),
        }
    }
}

/// The attribute that DynamoDB's time to live looks at: seconds since 1970.
pub(crate) const EXPIRES_AT: &str = "es_expires_at";
/// The partition key of a view's table: which build of the view a document belongs to.
pub(crate) const VIEW_GENERATION: &str = "es_generation";
/// The sort key of a view's table: the document's key.
pub(crate) const VIEW_KEY: &str = "es_key";
