//! A payload that asks what it is taken for.

use std::any::type_name;
use std::fmt::{self, Display};
use std::sync::{Mutex, PoisonError};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::Value;

/// What pretends to be a payload. It never gives a value: each reading ends with an error, after the
/// place that the path leads to has said what it takes.
#[derive(Debug)]
pub struct Probe {
    path: Vec<Step>,
    question: Question,
    answer: Mutex<Option<Answer>>,
}

/// One step towards the inside.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Into what may be missing.
    Some,
    /// Into the first element of a list.
    Element,
    /// Into an element of a tuple, behind these.
    Behind(Vec<Value>),
    /// Into the keys of a map.
    Key,
    /// Into the values of a map, the first of which is under this key.
    Under(Value),
    Field(&'static str),
    Variant(&'static str),
}

/// What is asked at the end of the path.
#[derive(Debug)]
enum Question {
    /// What is it?
    What,
    /// Are these fields of an object enough?
    Enough(Vec<(&'static str, Value)>),
}

#[derive(Debug)]
pub(super) enum Answer {
    Value(String),
    Optional,
    List,
    Tuple(usize),
    Map,
    Object {
        asked_by: &'static str,
        fields: &'static [&'static str],
    },
    OneOf {
        asked_by: &'static str,
        variants: &'static [&'static str],
    },
    /// The name of a variant, or of a field, which is not a payload's business.
    Nothing,
    Anything,
    /// The fields are enough.
    Enough,
    /// This field is missing.
    Missing(&'static str),
    /// The values of the fields are refused.
    Refused,
}

impl Probe {
    pub(super) fn what(path: &[Step]) -> Self {
        Self { path: path.to_vec(), question: Question::What, answer: Mutex::default() }
    }

    pub(super) fn enough(path: &[Step], fields: Vec<(&'static str, Value)>) -> Self {
        Self { path: path.to_vec(), question: Question::Enough(fields), answer: Mutex::default() }
    }

    /// Lets a type read the probe.
    pub(crate) fn ask<T: DeserializeOwned>(&self) {
        // It ends with an error; what matters is the answer.
        let _ = T::deserialize(Place { probe: self, path: &self.path });
    }

    pub(super) fn into_answer(self) -> Option<Answer> {
        self.answer.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, answer: Answer) -> Failure {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Failure::Stop
    }
}

/// For those who compare payloads: a probe is like none but itself.
impl PartialEq for Probe {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Probe {}

/// Why a reading ends.
#[derive(Debug)]
enum Failure {
    /// The answer is noted.
    Stop,
    Missing(&'static str),
    /// A value that was made up is refused.
    Refused,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload is a question")
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    fn custom<T: Display>(_: T) -> Self {
        Self::Refused
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// A place on the way along the path.
#[derive(Clone, Copy)]
struct Place<'p> {
    probe: &'p Probe,
    path: &'p [Step],
}

impl<'p> Place<'p> {
    /// Notes the answer, at the end of the path; gives the next step otherwise.
    fn step(self, answer: impl FnOnce() -> Answer) -> Result<(&'p Step, Self), Failure> {
        match self.path.split_first() {
            Some((step, path)) => Ok((step, Self { path, ..self })),
            None => Err(self.probe.note(answer())),
        }
    }

    /// The place takes a single value.
    fn value<'de, V: Visitor<'de>>(
        self,
        visitor: &V,
        kind: &str,
        expected: &[&str],
    ) -> Result<V::Value, Failure> {
        self.step(|| Answer::Value(described(visitor, kind, expected)))?;
        Err(Failure::Refused)
    }

    /// The place takes an object.
    fn object<'de, V: Visitor<'de>>(
        self,
        visitor: V,
        fields: &'static [&'static str],
    ) -> Result<V::Value, Failure> {
        if let ([], Question::Enough(given)) = (self.path, &self.probe.question) {
            let answer = match visitor.visit_map(Given { fields: given, value: None }) {
                Ok(_) => Answer::Enough,
                Err(Failure::Missing(field)) => Answer::Missing(field),
                Err(_) => Answer::Refused,
            };
            return Err(self.probe.note(answer));
        }
        match self.step(|| Answer::Object { asked_by: type_name::<V>(), fields })? {
            (Step::Field(field), inside) => visitor.visit_map(Entry { key: Some(field), inside }),
            _ => Err(Failure::Refused),
        }
    }

    fn tuple<'de, V: Visitor<'de>>(self, visitor: V, len: usize) -> Result<V::Value, Failure> {
        match self.step(|| Answer::Tuple(len))? {
            (Step::Behind(before), inside) => {
                visitor.visit_seq(Elements { before, inside: Some(inside) })
            }
            _ => Err(Failure::Refused),
        }
    }
}

/// The kind of a value, with what its type says about it when that is more than the kind says.
fn described<'de, V: Visitor<'de>>(visitor: &V, kind: &str, expected: &[&str]) -> String {
    struct Expected<'a, V>(&'a V);

    impl<'de, V: Visitor<'de>> Display for Expected<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }

    let said = Expected(visitor).to_string();
    if said == kind || expected.contains(&said.as_str()) {
        return kind.to_owned();
    }
    // One line, whatever a type says.
    let said: Vec<&str> = said.split_whitespace().collect();
    format!("{kind} ({})", said.join(" "))
}

/// Methods for places that take a single value.
macro_rules! values {
    ($( $method:ident: $kind:literal $( or $expected:literal )*; )+) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
                self.value(&visitor, $kind, &[$( $expected ),*])
            }
        )+
    };
}

impl<'de> Deserializer<'de> for Place<'_> {
    type Error = Failure;

    values! {
        deserialize_bool: "bool" or "a boolean";
        deserialize_i8: "i8";
        deserialize_i16: "i16";
        deserialize_i32: "i32";
        deserialize_i64: "i64";
        deserialize_i128: "i128";
        deserialize_u8: "u8";
        deserialize_u16: "u16";
        deserialize_u32: "u32";
        deserialize_u64: "u64";
        deserialize_u128: "u128";
        deserialize_f32: "f32";
        deserialize_f64: "f64";
        deserialize_char: "char" or "a character";
        deserialize_str: "string" or "a string" or "a borrowed string";
        deserialize_string: "string" or "a string";
        deserialize_bytes: "bytes" or "a borrowed byte array";
        deserialize_byte_buf: "bytes" or "byte array";
        deserialize_unit: "null" or "unit";
        deserialize_ignored_any: "ignored" or "anything at all";
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _visitor: V,
    ) -> Result<V::Value, Failure> {
        self.step(|| Answer::Value("null".to_owned()))?;
        Err(Failure::Refused)
    }

    /// A newtype is stored as what is in it.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        self.step(|| Answer::Anything)?;
        Err(Failure::Refused)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Failure> {
        self.step(|| Answer::Nothing)?;
        Err(Failure::Refused)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.step(|| Answer::Optional)? {
            (Step::Some, inside) => visitor.visit_some(inside),
            _ => Err(Failure::Refused),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.step(|| Answer::List)? {
            (Step::Element, inside) => {
                visitor.visit_seq(Elements { before: &[], inside: Some(inside) })
            }
            _ => Err(Failure::Refused),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.tuple(visitor, len)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.tuple(visitor, len)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.step(|| Answer::Map)? {
            (Step::Key, inside) => visitor.visit_map(Keys(inside)),
            (Step::Under(key), inside) => visitor.visit_map(Under { key: Some(key), inside }),
            _ => Err(Failure::Refused),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.object(visitor, fields)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.step(|| Answer::OneOf { asked_by: type_name::<V>(), variants })? {
            (Step::Variant(variant), inside) => visitor.visit_enum(Chosen { variant, inside }),
            _ => Err(Failure::Refused),
        }
    }
}

/// An object with the field that the path leads into.
struct Entry<'p> {
    key: Option<&'static str>,
    inside: Place<'p>,
}

impl<'de> MapAccess<'de> for Entry<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.key.take().map(|key| seed.deserialize(StrDeserializer::new(key))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seed.deserialize(self.inside)
    }
}

/// An object with values that are made up.
struct Given<'p> {
    fields: &'p [(&'static str, Value)],
    value: Option<&'p Value>,
}

impl<'de> MapAccess<'de> for Given<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some(((key, value), fields)) = self.fields.split_first() else { return Ok(None) };
        (self.fields, self.value) = (fields, Some(value));
        seed.deserialize(StrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        made_up(seed, self.value.ok_or(Failure::Refused)?)
    }
}

/// The keys of a map.
struct Keys<'p>(Place<'p>);

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        seed.deserialize(self.0).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _seed: V) -> Result<V::Value, Failure> {
        Err(Failure::Refused)
    }
}

/// A map with the value that the path leads into.
struct Under<'p> {
    key: Option<&'p Value>,
    inside: Place<'p>,
}

impl<'de> MapAccess<'de> for Under<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        self.key.take().map(|key| made_up(seed, key)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seed.deserialize(self.inside)
    }
}

/// A list of values that are made up, with the one that the path leads into behind them.
struct Elements<'p> {
    before: &'p [Value],
    inside: Option<Place<'p>>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        if let Some((value, before)) = self.before.split_first() {
            self.before = before;
            return made_up(seed, value).map(Some);
        }
        self.inside.take().map(|inside| seed.deserialize(inside)).transpose()
    }
}

/// A choice of the variant that the path leads into.
struct Chosen<'p> {
    variant: &'static str,
    inside: Place<'p>,
}

impl<'de, 'p> EnumAccess<'de> for Chosen<'p> {
    type Error = Failure;
    type Variant = Content<'p>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'p>), Failure> {
        let variant = seed.deserialize(StrDeserializer::<Failure>::new(self.variant))?;
        Ok((variant, Content(self.inside)))
    }
}

/// What is in a variant.
struct Content<'p>(Place<'p>);

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        self.0.step(|| Answer::Nothing)?;
        Err(Failure::Refused)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.0.tuple(visitor, len)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.0.object(visitor, fields)
    }
}

/// Lets a type read a value that is made up.
fn made_up<'de, T: DeserializeSeed<'de>>(seed: T, value: &Value) -> Result<T::Value, Failure> {
    seed.deserialize(value.clone()).map_err(Failure::custom)
}
