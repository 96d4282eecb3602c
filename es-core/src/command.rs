//! Intentions.

/// An intention addressed to one aggregate. Usually derived.
///
/// ```
/// use es_core::{Addressed, Command};
///
/// #[derive(Debug, Clone, Command)]
/// enum DispenseCommand {
///     Start { #[command(id)] dispense: String, patient: String },
///     Complete { #[command(id)] dispense: String },
/// }
///
/// let command = DispenseCommand::Complete { dispense: "d-1".into() };
/// assert_eq!(command.name(), "Complete");
/// assert_eq!(command.aggregate_id(), "d-1");
/// ```
pub trait Command: Clone + Send + Sync + 'static {
    /// The command's name, for metadata, spans and messages.
    fn name(&self) -> &'static str;
}

/// A command that says which aggregate it is for. The derive implements it when every command has a
/// field marked `#[command(id)]`.
///
/// ```
/// use es_core::{Addressed, Command};
///
/// #[derive(Debug, Clone, Command)]
/// struct Complete {
///     #[command(id)]
///     dispense: String,
/// }
///
/// let command = Complete { dispense: "d-1".into() };
/// assert_eq!(command.aggregate_id(), "d-1");
/// ```
pub trait Addressed: Command {
    /// The aggregate's id.
    fn aggregate_id(&self) -> &str;
}
