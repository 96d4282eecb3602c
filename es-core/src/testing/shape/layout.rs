//! A shape as text.

use std::fmt::{self, Display, Formatter};

use super::{Field, Presence, Shape, Variant};

/// Lists of more values of one shape are written with their number.
const MAX_LISTED: usize = 4;

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.lay_out(f, 0)
    }
}

impl Shape {
    fn lay_out(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Value(kind) => f.write_str(kind),
            Self::Optional(shape) => {
                shape.lay_out(f, depth)?;
                f.write_str(" or null")
            }
            Self::List(shape) => {
                f.write_str("[")?;
                shape.lay_out(f, depth)?;
                f.write_str("]")
            }
            Self::Tuple(shapes) => tuple(shapes, f, depth),
            Self::Map(key, value) => {
                f.write_str("map from ")?;
                key.lay_out(f, depth)?;
                f.write_str(" to ")?;
                value.lay_out(f, depth)
            }
            Self::Object(fields) => block(fields, f, depth, Field::lay_out),
            Self::OneOf(variants) => {
                f.write_str("one of ")?;
                block(variants, f, depth, Variant::lay_out)
            }
            Self::Enclosing(0) => f.write_str("the same as what it is in"),
            Self::Enclosing(levels) => write!(f, "the same as what it is in, {levels} further out"),
            Self::Anything => f.write_str("anything"),
        }
    }
}

fn tuple(shapes: &[Shape], f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    if let [first, others @ ..] = shapes
        && shapes.len() > MAX_LISTED
        && others.iter().all(|other| other == first)
    {
        f.write_str("[")?;
        first.lay_out(f, depth)?;
        return write!(f, "; {}]", shapes.len());
    }
    f.write_str("(")?;
    for (index, shape) in shapes.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        shape.lay_out(f, depth)?;
    }
    f.write_str(")")
}

fn block<T>(
    items: &[T],
    f: &mut Formatter<'_>,
    depth: usize,
    lay_out: fn(&T, &mut Formatter<'_>, usize) -> fmt::Result,
) -> fmt::Result {
    if items.is_empty() {
        return f.write_str("{}");
    }
    f.write_str("{\n")?;
    for item in items {
        indent(f, depth + 1)?;
        lay_out(item, f, depth + 1)?;
        f.write_str("\n")?;
    }
    indent(f, depth)?;
    f.write_str("}")
}

fn indent(f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
    (0..depth).try_for_each(|_| f.write_str("    "))
}

impl Field {
    fn lay_out(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        let mark = match self.presence {
            Presence::Required => "",
            Presence::Optional => "?",
            Presence::Unknown => "(?)",
        };
        write!(f, "{}{mark}: ", self.name)?;
        self.shape.lay_out(f, depth)
    }
}

impl Variant {
    fn lay_out(&self, f: &mut Formatter<'_>, depth: usize) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.content {
            Some(content) => {
                f.write_str(": ")?;
                content.lay_out(f, depth)
            }
            None => Ok(()),
        }
    }
}
