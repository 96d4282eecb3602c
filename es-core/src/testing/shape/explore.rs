//! Asking from the outside to the inside.

use serde_json::{Map, Value};

use crate::codec::Payload;
use crate::encoded_events::EncodedEvent;
use crate::event::{DecodeError, Event};

use super::probe::{Answer, Probe, Step};
use super::{Field, Presence, Shape, Variant};

/// No type is nested as deep as this; one that never ends is given up.
const MAX_DEPTH: usize = 64;

/// What `E` reads under a stored name and schema version.
///
/// # Errors
///
/// [`DecodeError`] when it reads nothing under them.
pub(in crate::testing) fn shape_of<E: Event>(
    name: &str,
    schema_version: u32,
) -> Result<Shape, DecodeError> {
    let ask = |probe: &Probe| {
        let stored = EncodedEvent { name, schema_version, payload: Payload::Probe(probe) };
        E::decode(stored).map(drop)
    };
    match ask(&Probe::what(&[])) {
        Err(error @ (DecodeError::UnknownName | DecodeError::UnknownVersion { .. })) => Err(error),
        _ => Ok(Explorer { ask: &|probe| drop(ask(probe)), enclosing: Vec::new() }.explore(&[])),
    }
}

struct Explorer<'a> {
    ask: &'a dyn Fn(&Probe),
    /// The types of the objects and choices on the way, by who asked for them.
    enclosing: Vec<&'static str>,
}

impl Explorer<'_> {
    fn answer(&self, probe: Probe) -> Option<Answer> {
        (self.ask)(&probe);
        probe.into_answer()
    }

    /// The shape at the end of a path.
    fn explore(&mut self, path: &[Step]) -> Shape {
        if path.len() > MAX_DEPTH {
            return Shape::Anything;
        }
        let inside = |step| [path, &[step]].concat();
        match self.answer(Probe::what(path)) {
            Some(Answer::Value(kind)) => Shape::Value(kind),
            Some(Answer::Optional) => Shape::Optional(self.explore(&inside(Step::Some)).into()),
            Some(Answer::List) => Shape::List(self.explore(&inside(Step::Element)).into()),
            Some(Answer::Tuple(len)) => self.tuple(path, len),
            Some(Answer::Map) => self.map(path),
            Some(Answer::Object { asked_by, fields }) => {
                self.enter(asked_by, |this| Shape::Object(this.fields(path, fields)))
            }
            Some(Answer::OneOf { asked_by, variants }) => {
                self.enter(asked_by, |this| Shape::OneOf(this.variants(path, variants)))
            }
            _ => Shape::Anything,
        }
    }

    /// Goes into a type, unless it is in there already.
    fn enter(&mut self, asked_by: &'static str, explore: impl FnOnce(&mut Self) -> Shape) -> Shape {
        if let Some(levels) = self.enclosing.iter().rev().position(|outer| *outer == asked_by) {
            return Shape::Enclosing(levels);
        }
        self.enclosing.push(asked_by);
        let shape = explore(self);
        self.enclosing.pop();
        shape
    }

    /// An element can be asked for behind values for those before it only.
    fn tuple(&mut self, path: &[Step], len: usize) -> Shape {
        let mut shapes: Vec<Shape> = Vec::new();
        for _ in 0..len {
            let shape = CANDIDATES
                .iter()
                .map(|candidate| {
                    let before = shapes.iter().map(|shape| shape.example(candidate)).collect();
                    self.explore(&[path, &[Step::Behind(before)]].concat())
                })
                .find(|shape| *shape != Shape::Anything);
            shapes.push(shape.unwrap_or(Shape::Anything));
        }
        Shape::Tuple(shapes)
    }

    fn map(&mut self, path: &[Step]) -> Shape {
        let at_key = [path, &[Step::Key]].concat();
        // A map whose keys are the names of fields is an object with flattened parts: it does not say
        // which fields it has.
        if let Some(Answer::Nothing) | None = self.answer(Probe::what(&at_key)) {
            return Shape::Anything;
        }
        let key = self.explore(&at_key);
        let value = CANDIDATES
            .iter()
            .map(|candidate| {
                let under = Step::Under(key.example(candidate));
                self.explore(&[path, &[under]].concat())
            })
            .find(|shape| *shape != Shape::Anything);
        Shape::Map(key.into(), value.unwrap_or(Shape::Anything).into())
    }

    fn variants(&mut self, path: &[Step], variants: &[&'static str]) -> Vec<Variant> {
        let variants = variants.iter().map(|name| {
            let inside = [path, &[Step::Variant(name)]].concat();
            let content = match self.answer(Probe::what(&inside)) {
                Some(Answer::Nothing) => None,
                _ => Some(self.explore(&inside)),
            };
            Variant { name: (*name).to_owned(), content }
        });
        variants.collect()
    }

    fn fields(&mut self, path: &[Step], names: &[&'static str]) -> Vec<Field> {
        let shapes: Vec<Shape> =
            names.iter().map(|name| self.explore(&[path, &[Step::Field(name)]].concat())).collect();
        let presences = self.presences(path, names, &shapes);
        let fields = names.iter().zip(presences).zip(shapes);
        fields
            .map(|((name, presence), shape)| Field { name: (*name).to_owned(), presence, shape })
            .collect()
    }

    /// Which fields must be there: gives more and more of them until they are enough. A type asks for
    /// missing fields in their order, so those before one that is missing may be left out.
    fn presences(&self, path: &[Step], names: &[&'static str], shapes: &[Shape]) -> Vec<Presence> {
        let mut presences = vec![Presence::Unknown; names.len()];
        let mut given = Vec::new();
        let mut known = 0;
        let mut answer = self.answer(Probe::enough(path, given.clone()));
        loop {
            let missing = match answer {
                Some(Answer::Missing(name)) => names.iter().position(|other| *other == name),
                Some(Answer::Enough) => {
                    presences[known..].fill(Presence::Optional);
                    return presences;
                }
                _ => return presences,
            };
            // A field that is asked for again was given in vain.
            let Some(missing) = missing.filter(|missing| *missing >= known) else {
                return presences;
            };
            presences[known..missing].fill(Presence::Optional);
            presences[missing] = Presence::Required;
            known = missing + 1;
            answer = CANDIDATES.iter().find_map(|candidate| {
                let value = (names[missing], shapes[missing].example(candidate));
                let fields: Vec<_> = given.iter().cloned().chain([value.clone()]).collect();
                match self.answer(Probe::enough(path, fields)) {
                    None | Some(Answer::Refused) => None,
                    answer => {
                        given.push(value);
                        answer
                    }
                }
            });
        }
    }
}

/// What values are made of. Types that refuse the first may take another one: texts that are a number,
/// a time, a UUID, and numbers that are not zero.
struct Candidate {
    text: &'static str,
    number: u8,
}

const CANDIDATES: &[Candidate] = &[
    Candidate { text: "", number: 0 },
    Candidate { text: "1", number: 1 },
    Candidate { text: "a", number: 1 },
    Candidate { text: "1970-01-01T00:00:00Z", number: 1 },
    Candidate { text: "1970-01-01", number: 1 },
    Candidate { text: "00:00:00", number: 1 },
    Candidate { text: "PT1S", number: 1 },
    Candidate { text: "00000000-0000-0000-0000-000000000000", number: 1 },
    Candidate { text: "https://example.com/", number: 1 },
];

impl Shape {
    /// A value of this shape, which its type may still refuse.
    fn example(&self, candidate: &Candidate) -> Value {
        match self {
            Self::Value(kind) => value(kind, candidate),
            Self::Optional(_) | Self::Enclosing(_) | Self::Anything => Value::Null,
            Self::List(_) => Value::Array(Vec::new()),
            Self::Tuple(shapes) => shapes.iter().map(|shape| shape.example(candidate)).collect(),
            Self::Map(..) => Value::Object(Map::new()),
            Self::Object(fields) => {
                let needed = fields.iter().filter(|field| field.presence != Presence::Optional);
                needed.map(|field| (field.name.clone(), field.shape.example(candidate))).collect()
            }
            Self::OneOf(variants) => {
                let without_content = variants.iter().find(|variant| variant.content.is_none());
                match without_content.or_else(|| variants.first()) {
                    Some(Variant { name, content: Some(content) }) => {
                        [(name.clone(), content.example(candidate))].into_iter().collect()
                    }
                    Some(Variant { name, content: None }) => name.clone().into(),
                    None => Value::Null,
                }
            }
        }
    }
}

fn value(kind: &str, candidate: &Candidate) -> Value {
    match kind.split(' ').next() {
        Some("string") => candidate.text.into(),
        Some("char") => "a".into(),
        Some("bool") => false.into(),
        Some("bytes") => Value::Array(Vec::new()),
        Some("null" | "ignored") => Value::Null,
        _ => candidate.number.into(),
    }
}
