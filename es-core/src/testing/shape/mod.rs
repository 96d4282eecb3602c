//! What a payload looks like, found out from the types that read it.
//!
//! Nothing has to be declared for it: the types are asked. A [`Probe`](probe::Probe) pretends to be
//! a payload and notes what is asked of it — an object of which fields, a list, a number — and then
//! breaks off. Asked again with a path, it leads to what is inside. So every type that serde reads
//! has a shape, however deep it is nested, and the types that upcasters read have one, too.

mod explore;
mod layout;
pub(crate) mod probe;

pub(super) use explore::shape_of;

/// What is read in one place of a payload.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A single value, as `string` or `u8`.
    Value(String),
    Optional(Box<Shape>),
    List(Box<Shape>),
    Tuple(Vec<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Object(Vec<Field>),
    OneOf(Vec<Variant>),
    /// The same as so many objects or choices further out.
    Enclosing(usize),
    /// It takes what comes, or does not say what it takes before it has seen it.
    Anything,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    name: String,
    presence: Presence,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Presence {
    Required,
    Optional,
    /// It could not be found out.
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Variant {
    name: String,
    /// `None`: the name is all.
    content: Option<Shape>,
}
