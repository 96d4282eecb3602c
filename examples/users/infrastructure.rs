//! What the system needs on AWS, as a CloudFormation template: the tables of the log, of the progress, and of the
//! two read models.

use es_core::{Error, ViewSchema};
use serde_json::Value;

use super::views::{UserDetails, UserSummaries};

/// The template of tables whose names begin with `table_prefix`, if the stack's parameter `Prefix` does not say
/// otherwise.
///
/// # Errors
///
/// [`Error::Corrupt`] when the template of the tables is none.
pub fn template(table_prefix: &str) -> Result<Value, Error> {
    let views = [ViewSchema::of::<UserSummaries>()?, ViewSchema::of::<UserDetails>()?];
    let tables = es_dynamodb::cloudformation_template(&views)?;
    let mut template: Value = serde_json::from_str(&tables).map_err(|error| Error::Corrupt {
        what: "a template".to_owned(),
        reason: error.to_string(),
    })?;
    if let Some(prefix) = template.pointer_mut("/Parameters/Prefix") {
        prefix["Default"] = table_prefix.into();
    }
    Ok(template)
}
