//! `#[derive(Event)]` and `#[derive(Command)]` for `es-core`, which re-exports them beside the traits
//! of the same names. Depend on `es-core`; the generated code refers to nothing else.
//!
//! What a derive cannot do right it refuses, with an error at the place and a message that says what
//! to write: an event that was stored under a wrong name or in a wrong form stays so.
//!
//! | module | |
//! |---|---|
//! | `event` | the implementation of `Event` |
//! | `event/definition` | what the user wrote, checked |
//! | `event/attributes` | `#[event(...)]` |
//! | `event/serde_attributes` | which `#[serde(...)]` around the fields are honoured |
//! | `event/payload` | the types that serde writes and reads |
//! | `event/personal` | `#[event(personal)]` |
//! | `event/union` | `#[event(union)]` |
//! | `command` | the implementations of `Command` and `Addressed` |
//! | `attributes` | reading attributes, and reporting all errors at once |

mod attributes;
mod command;
mod event;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use syn::{DeriveInput, parse_macro_input};

/// Implements `es_core::Event` for an enum with one variant per kind of event.
///
/// ```
/// use es_core::Event;
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Dispense")]
/// enum DispenseEvent {
///     // Dispense:Started {"patient":"Ada"}
///     Started { patient: String },
///     // Dispense:Weighed 12.5
///     Weighed(f64),
///     // Dispense:Completed {}
///     Completed,
/// }
///
/// assert_eq!(DispenseEvent::Weighed(12.5).name(), "Dispense:Weighed");
/// assert_eq!(DispenseEvent::Completed.schema_version(), 1);
/// assert_eq!(DispenseEvent::SCHEMAS[0].name, "Dispense:Started");
/// ```
///
/// # Attributes
///
/// | on | attribute | meaning |
/// |---|---|---|
/// | the enum | `#[event(prefix = "Dispense")]` | what stored names start with, before a colon; required |
/// | the enum | `#[event(unknown = "fail")]` | how readers treat names that the enum does not have: `"fail"` (the default) or `"skip"` |
/// | the enum | `#[event(union)]` | its variants hold the events of other event types: see [unions](#unions) |
/// | a variant | `#[event(name = "Began")]` | the stored name after the prefix, instead of the variant's: a variant can be renamed while the stored name stays |
/// | a variant | `#[event(alias = "Begun")]` | another stored name that is read as this variant; repeatable. With a colon it is the whole name, otherwise the prefix is put in front |
/// | a variant | `#[event(version = 2)]` | the schema version that is written; 1 unless given |
/// | a variant | `#[event(upcast(from = 1, with = function))]` | how the payload of an older version becomes that of the next; exactly one for each version before the current one |
/// | a field | `#[event(personal)]` | it is [personal data](#personal-data) |
/// | a variant | `#[event(personal)]` | all of its content is |
///
/// A stored name, prefix included, has 1 to 128 bytes without white space or control characters, and
/// belongs to one variant.
///
/// # Payloads
///
/// The payload is the variant's content: an object of the named fields, the inner type of a newtype
/// variant, and for a variant without content an empty object, so that fields with a default can be
/// added later. Variants with several unnamed fields are refused, and so are generic enums.
///
/// Content needs `Serialize` and `Deserialize`; the enum itself does not, nor a dependency on serde:
/// `#[serde(...)]` works on the fields without any other derive. The enum can derive both beside
/// `Event`, as for an API; that has no influence on what is stored.
///
/// | on | serde attributes | |
/// |---|---|---|
/// | a field | all | honoured |
/// | a variant | `rename_all`, `deny_unknown_fields` | honoured, unless it is a newtype |
/// | the enum | `rename_all_fields`, `deny_unknown_fields` | honoured for variants that are not newtypes |
/// | the enum | `tag`, `content`, `crate` | without meaning for a payload |
/// | a variant, the enum | all others | refused |
///
/// # Upcasters
///
/// An upcaster is a function from the payload of one version to that of the next. Its parameter is
/// any type that deserializes from the old payload: usually a struct kept for this purpose. The last
/// upcaster gives what the enum has now: the inner type of a newtype variant, the enum itself for
/// any other. An upcaster cannot fail; what an old payload does not say needs a value that means so.
///
/// ```
/// use es_core::{Codec, EncodedEvent, Event, Payload};
/// use serde::Deserialize;
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Dispense")]
/// enum DispenseEvent {
///     #[event(
///         version = 3,
///         upcast(from = 1, with = split_name),
///         upcast(from = 2, with = add_country)
///     )]
///     PatientAdded { first: String, last: String, country: Option<String> },
/// }
///
/// #[derive(Deserialize)]
/// struct PatientAddedV1 { name: String }
///
/// #[derive(Deserialize)]
/// struct PatientAddedV2 { first: String, last: String }
///
/// fn split_name(old: PatientAddedV1) -> PatientAddedV2 {
///     let (first, last) = old.name.split_once(' ').unwrap_or(("", &old.name));
///     PatientAddedV2 { first: first.into(), last: last.into() }
/// }
///
/// fn add_country(old: PatientAddedV2) -> DispenseEvent {
///     DispenseEvent::PatientAdded { first: old.first, last: old.last, country: None }
/// }
///
/// let stored = EncodedEvent {
///     name: "Dispense:PatientAdded",
///     schema_version: 1,
///     payload: Payload::Json(r#"{"name":"Ada Lovelace"}"#),
/// };
/// assert_eq!(
///     DispenseEvent::decode(stored)?,
///     DispenseEvent::PatientAdded { first: "Ada".into(), last: "Lovelace".into(), country: None },
/// );
/// # Ok::<(), es_core::DecodeError>(())
/// ```
///
/// # Personal data
///
/// What says something about a person is marked where it is declared, and an
/// [announcer](../es_core/announcer/index.html) leaves it out. The mark changes nothing about what is stored.
///
/// ```
/// use es_core::{Event, PersonalPart};
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Order")]
/// enum OrderEvent {
///     Placed { item: String, #[event(personal)] #[serde(rename = "email")] contact: String },
///     #[event(personal)]
///     NoteTaken(String),
/// }
///
/// assert_eq!(OrderEvent::PERSONAL[0].event, "Order:Placed");
/// assert_eq!(OrderEvent::PERSONAL[0].part, PersonalPart::Fields(&["email"]));
/// assert_eq!(OrderEvent::PERSONAL[1].part, PersonalPart::Everything);
/// ```
///
/// A field goes as a whole, whatever is nested in it, under the name that serde writes it. A field that is
/// `flatten`ed has no name of its own and is refused. The field of a newtype variant is its whole content.
///
/// # Unions
///
/// A projector or a policy that follows several categories needs one event type for all their events.
/// A union is one: an enum whose variants each hold the events of another type.
///
/// ```
/// use es_core::Event;
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Order")]
/// enum OrderEvent { Placed { item: String }, Cancelled }
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(prefix = "Stock")]
/// enum StockEvent { Counted { item: String, left: u32 } }
///
/// #[derive(Debug, PartialEq, Event)]
/// #[event(union, unknown = "skip")]
/// enum ShopEvent {
///     Order(OrderEvent),
///     Stock(StockEvent),
/// }
///
/// let event = ShopEvent::Order(OrderEvent::Cancelled);
/// assert_eq!(event.name(), "Order:Cancelled");
/// let names: Vec<_> = ShopEvent::SCHEMAS.iter().map(|schema| schema.name).collect();
/// assert_eq!(names, ["Order:Placed", "Order:Cancelled", "Stock:Counted"]);
/// ```
///
/// A stored event is read by the type that has its name, with that type's aliases and upcasters, and
/// what it marks as personal is; two types with a name in common do not compile. What
/// happens to names that none of them has is said by the union's own `unknown`, not by theirs. Unions can hold unions.
#[proc_macro_derive(Event, attributes(event, serde))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    code(event::expand(&input))
}

/// Implements `es_core::Command` for an enum with one variant per kind of command, or for a struct
/// that is one command; and `es_core::Addressed`, when every command marks the field with the id of
/// the aggregate that it is for.
///
/// ```
/// use es_core::{Addressed, Command};
///
/// #[derive(Debug, Clone, Command)]
/// enum DispenseCommand {
///     Start { #[command(id)] dispense: String, patient: String },
///     #[command(name = "Finish")]
///     Complete(#[command(id)] String),
/// }
///
/// let command = DispenseCommand::Complete("d-1".into());
/// assert_eq!(command.name(), "Finish");
/// assert_eq!(command.aggregate_id(), "d-1");
/// ```
///
/// # Attributes
///
/// | on | attribute | meaning |
/// |---|---|---|
/// | a variant, the struct | `#[command(name = "Finish")]` | the command's name, instead of that of the variant or struct: 1 to 128 bytes without white space or control characters |
/// | a field | `#[command(id)]` | the aggregate's id: any type that is `AsRef<str>`; in every variant or in none, once |
///
/// `Command` requires `Clone`, `Send`, `Sync` and `'static`. A generic type is a command for those
/// parameters with which it has all four.
#[proc_macro_derive(Command, attributes(command))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    code(command::expand(&input))
}

fn code(expanded: syn::Result<TokenStream2>) -> TokenStream {
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
