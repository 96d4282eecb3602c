//! The readings of measuring stations: what a document says, and what is measured. Pure.
//!
//! A document is one JSON object:
//!
//! ```json
//! {"id": "brocken-2026-03-01T06-pressure", "station": "brocken", "quantity": "pressure",
//!  "value": 882.4, "unit": "hPa", "measured_at": "2026-03-01T06:00:00Z"}
//! ```
//!
//! The `id` may be left out: then the content names the document, and the same content is the same event.

use std::fmt;

use es_core::{Payload, PayloadError, Timestamp};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What names an event, the same however often and by whatever way it comes: 1 to 100 ASCII letters, digits,
/// `.`, `_` and `-`, but neither `.` nor `..`: in the path of a URL these lead elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventId(String);

impl EventId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 100;

    /// The id of a document that has none of its own. White space around it does not count.
    pub fn of_content(content: &[u8]) -> Self {
        Self(format!("sha256-{}", hex::encode(Sha256::digest(content.trim_ascii()))))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = Invalid;

    fn try_from(id: String) -> Result<Self, Invalid> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let leads_elsewhere = matches!(&*id, "." | "..");
        match (1..=Self::MAX_LEN).contains(&id.len()) && id.bytes().all(legal) && !leads_elsewhere {
            true => Ok(Self(id)),
            false => Err(Invalid::Id),
        }
    }
}

impl std::str::FromStr for EventId {
    type Err = Invalid;

    fn from_str(id: &str) -> Result<Self, Invalid> {
        id.to_owned().try_into()
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a station measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The station's name.
    pub station: String,
    /// What was measured.
    pub quantity: Quantity,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
    /// When.
    pub measured_at: Timestamp,
}

impl Reading {
    /// What tells this reading from every other, however either is written: `sha256-` and a hash in hexadecimal.
    pub fn digest(&self) -> String {
        // Zero is written in two ways, and is the same.
        let reading = Self { value: self.value + 0.0, ..self.clone() };
        // A reading can always be written: it was read.
        let written = serde_json::to_vec(&reading).unwrap_or_default();
        format!("sha256-{}", hex::encode(Sha256::digest(written)))
    }
}

/// What stations measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Of the air.
    Temperature,
    /// Of the air, at the station.
    Pressure,
    /// The mean of ten minutes.
    WindSpeed,
    /// Since the last reading.
    Rainfall,
}

/// The units of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Degrees Celsius.
    #[serde(rename = "C")]
    Celsius,
    /// Degrees Fahrenheit.
    #[serde(rename = "F")]
    Fahrenheit,
    /// Hectopascals.
    #[serde(rename = "hPa")]
    Hectopascal,
    /// Inches of mercury.
    #[serde(rename = "inHg")]
    InchOfMercury,
    /// Metres per second.
    #[serde(rename = "m/s")]
    MetrePerSecond,
    /// Kilometres per hour.
    #[serde(rename = "km/h")]
    KilometrePerHour,
    /// Knots.
    #[serde(rename = "kn")]
    Knot,
    /// Millimetres.
    #[serde(rename = "mm")]
    Millimetre,
    /// Inches.
    #[serde(rename = "in")]
    Inch,
}

impl Unit {
    /// What it is a unit of.
    pub fn quantity(self) -> Quantity {
        match self {
            Self::Celsius | Self::Fahrenheit => Quantity::Temperature,
            Self::Hectopascal | Self::InchOfMercury => Quantity::Pressure,
            Self::MetrePerSecond | Self::KilometrePerHour | Self::Knot => Quantity::WindSpeed,
            Self::Millimetre | Self::Inch => Quantity::Rainfall,
        }
    }

    /// So much of it in the unit that [`Quantity::unit`] names.
    fn convert(self, value: f64) -> f64 {
        match self {
            Self::Celsius | Self::Hectopascal | Self::MetrePerSecond | Self::Millimetre => value,
            Self::Fahrenheit => (value - 32.0) / 1.8,
            Self::InchOfMercury => value * 33.863_89,
            Self::KilometrePerHour => value / 3.6,
            Self::Knot => value * 1852.0 / 3600.0,
            Self::Inch => value * 25.4,
        }
    }
}

impl Quantity {
    /// The unit that it is kept in.
    pub fn unit(self) -> Unit {
        match self {
            Self::Temperature => Unit::Celsius,
            Self::Pressure => Unit::Hectopascal,
            Self::WindSpeed => Unit::MetrePerSecond,
            Self::Rainfall => Unit::Millimetre,
        }
    }

    /// What no station has ever measured lies outside. In the unit that it is kept in.
    fn possible(self) -> std::ops::RangeInclusive<f64> {
        match self {
            Self::Temperature => -100.0..=70.0,
            // From the highest mountains to a deep valley in a strong high.
            Self::Pressure => 300.0..=1_100.0,
            Self::WindSpeed => 0.0..=150.0,
            Self::Rainfall => 0.0..=2_000.0,
        }
    }
}

/// What a reading comes to: in the unit that its quantity is kept in, and comparable between stations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
}

impl Measurement {
    /// Of a reading at a station that is so many metres above the sea. Pressures are reduced to sea level by
    /// the barometric formula of the ICAO standard atmosphere (Doc 7488).
    pub fn of(reading: &Reading, elevation: f64) -> Self {
        let value = reading.unit.convert(reading.value);
        let value = match reading.quantity {
            Quantity::Pressure => value / (1.0 - elevation / 44_330.77).powf(5.255_88),
            _ => value,
        };
        Self { value: (value * 100.0).round() / 100.0, unit: reading.quantity.unit() }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value, name(&self.unit))
    }
}

/// A document: which event it is, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The event's id: the document's own, or that of its content.
    pub id: EventId,
    /// The reading, or what is wrong with it.
    pub reading: Result<Reading, Invalid>,
}

impl Document {
    /// The most bytes of a document: many times what a reading needs.
    pub const MAX_SIZE: usize = 16 * 1024;

    /// What these bytes say.
    pub fn read(content: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Named {
            id: EventId,
        }
        // Also of a document that is not valid, so that whoever waits for it is told.
        let own = serde_json::from_slice(content).ok().map(|Named { id }| id);
        let id = own.unwrap_or_else(|| EventId::of_content(content));
        Self { id, reading: read(content) }
    }
}

/// A document as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    id: Option<String>,
    station: String,
    quantity: Quantity,
    value: f64,
    unit: Unit,
    measured_at: Timestamp,
}

fn read(content: &[u8]) -> Result<Reading, Invalid> {
    if content.len() > Document::MAX_SIZE {
        return Err(Invalid::TooLarge);
    }
    let text = std::str::from_utf8(content).map_err(|_| Invalid::NotText)?;
    let _: IgnoredAny = serde_json::from_str(text)?;
    // Its errors say what is wrong and where, and not what stands there.
    let Written { id, station, quantity, value, unit, measured_at } =
        Payload::Json(text).decode()?;
    if let Some(id) = id {
        id.parse::<EventId>()?;
    }
    if !is_name(&station) {
        return Err(Invalid::Station);
    }
    if unit.quantity() != quantity {
        return Err(Invalid::Unit { quantity });
    }
    let possible = quantity.possible();
    if !possible.contains(&unit.convert(value)) {
        return Err(Invalid::Value { quantity, least: *possible.start(), most: *possible.end() });
    }
    Ok(Reading { station, quantity, value, unit, measured_at })
}

fn is_name(station: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=50).contains(&station.len()) && station.chars().all(legal)
}

/// What is wrong with a document. It does not get better by trying again.
///
/// It goes into logs, dead letters, the event log and the health of the process, so it says nothing of what is in
/// the document: there could be anything.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It is larger than any reading.
    #[error("the document has more than {max} bytes", max = Document::MAX_SIZE)]
    TooLarge,
    /// It is something else than text.
    #[error("the document is not UTF-8 text")]
    NotText,
    /// It is text, but no JSON.
    #[error("the document is not JSON: line {line}, column {column}")]
    NotJson {
        /// Where it stops to be.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// It is JSON, but not that of a reading.
    #[error("the document is no reading: {0}")]
    NoReading(String),
    /// The id cannot be one.
    #[error(
        "the id is not 1 to {max} ASCII letters, digits, '.', '_' and '-', or is '.' or '..'",
        max = EventId::MAX_LEN
    )]
    Id,
    /// The station's name cannot be one.
    #[error("the station's name is not 1 to 50 ASCII letters, digits, '.', '_' and '-'")]
    Station,
    /// The unit is one of something else.
    #[error("the unit does not measure {}", name(.quantity))]
    Unit {
        /// What was measured.
        quantity: Quantity,
    },
    /// There is no such value.
    #[error("no {} is outside of {least} to {most} {}", name(.quantity), name(&.quantity.unit()))]
    Value {
        /// What was measured.
        quantity: Quantity,
        /// The least that is possible.
        least: f64,
        /// The most.
        most: f64,
    },
}

impl From<serde_json::Error> for Invalid {
    fn from(error: serde_json::Error) -> Self {
        Self::NotJson { line: error.line(), column: error.column() }
    }
}

impl From<PayloadError> for Invalid {
    fn from(error: PayloadError) -> Self {
        Self::NoReading(error.to_string())
    }
}

/// The name in documents.
fn name<T: Serialize>(of: &T) -> String {
    let json = serde_json::to_value(of).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
