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
    pub(crate) const MAX_PREFIX_LEN: usize = 128;

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
        format!("{}view_{}", self.prefix, live_name(view))
    }

    /// A pattern for the tables of all views, with `*` for any characters.
    pub(crate) fn any_view(&self) -> String {
        format!("{}view_*", self.prefix)
    }
}

/// The name of the view whose place this one takes, if it is a rebuild; its own otherwise.
pub(crate) fn live_name(view: &ViewName) -> &str {
    view.as_str().strip_suffix("_rebuild").unwrap_or(view.as_str())
}

/// What a table looks like: the source of the requests that create it and of the CloudFormation
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableDefinition {
    pub(crate) name: String,
    pub(crate) partition_key: KeyAttribute,
    pub(crate) sort_key: KeyAttribute,
    pub(crate) indexes: Vec<IndexDefinition>,
    /// Whether changes come out of a stream, with the new images.
    pub(crate) has_stream: bool,
    /// The attribute with the second after which DynamoDB may remove an item.
    pub(crate) expires_by: Option<&'static str>,
}

/// A global secondary index with all attributes of the items. Both parts of its key are strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexDefinition {
    pub(crate) name: String,
    pub(crate) partition_key: String,
    pub(crate) sort_key: &'static str,
}

impl IndexDefinition {
    /// What a view's documents are listed by a field with.
    pub(crate) fn of_field(field: &str) -> Self {
        let (name, partition_key) = (format!("by_{field}"), format!("es_by_{field}"));
        Self { name, partition_key, sort_key: VIEW_KEY }
    }
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
            indexes: Vec::new(),
            has_stream: true,
            expires_by: None,
        }
    }

    /// Snapshots, progress, leases, deadlines and idempotency records.
    pub(crate) fn state_definition(&self) -> TableDefinition {
        TableDefinition {
            name: self.state.clone(),
            partition_key: KeyAttribute { name: PARTITION_KEY, kind: ScalarAttributeType::S },
            sort_key: KeyAttribute { name: SORT_KEY, kind: ScalarAttributeType::S },
            indexes: Vec::new(),
            has_stream: false,
            expires_by: Some(EXPIRES_AT),
        }
    }

    /// The documents of one view that can be listed by these fields.
    pub(crate) fn view_definition(&self, view: &ViewName, fields: &[&str]) -> TableDefinition {
        TableDefinition {
            name: self.view(view),
            partition_key: KeyAttribute { name: VIEW_GENERATION, kind: ScalarAttributeType::S },
            sort_key: KeyAttribute { name: VIEW_KEY, kind: ScalarAttributeType::S },
            indexes: fields.iter().map(|field| IndexDefinition::of_field(field)).collect(),
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
