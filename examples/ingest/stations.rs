//! What is known of the stations.
//!
//! In a real system that is a service of somebody else, which is asked over a network and sometimes does not
//! answer. The shipped one is a table; [`Unreliable`] makes it fail.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::PoisonError;

use async_trait::async_trait;

/// A measuring station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Station {
    /// How many metres it is above the sea.
    pub elevation: f64,
}

/// Knows the stations.
#[async_trait]
pub trait StationRegister: Debug + Send + Sync + 'static {
    /// The station of that name, if it is registered.
    ///
    /// # Errors
    ///
    /// [`RegisterUnavailable`]: trying again can help.
    async fn station(&self, name: &str) -> Result<Option<Station>, RegisterUnavailable>;
}

/// The register did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the station register does not answer")]
pub struct RegisterUnavailable;

/// The stations that the example knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownStations;

impl KnownStations {
    const ELEVATIONS: [(&'static str, f64); 6] = [
        ("brocken", 1_134.0),
        ("helgoland", 4.0),
        ("hohenpeissenberg", 977.0),
        ("list-auf-sylt", 26.0),
        ("potsdam", 81.0),
        ("zugspitze", 2_964.0),
    ];
}

#[async_trait]
impl StationRegister for KnownStations {
    async fn station(&self, name: &str) -> Result<Option<Station>, RegisterUnavailable> {
        let known = Self::ELEVATIONS.into_iter().find(|(known, _)| *known == name);
        Ok(known.map(|(_, elevation)| Station { elevation }))
    }
}

/// That the register does not answer about a station: `zugspitze` for ever, `zugspitze=2` twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The station.
    pub station: String,
    /// How often; `None` for ever.
    pub times: Option<u32>,
}

impl FromStr for Outage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (station, times) = match text.split_once('=') {
            Some((station, times)) => match times.parse() {
                Ok(times) => (station, Some(times)),
                Err(_) => return Err(format!("{times:?} is not a number of times")),
            },
            None => (text, None),
        };
        if station.is_empty() {
            return Err("no station is named".to_owned());
        }
        Ok(Self { station: station.to_owned(), times })
    }
}

/// A register that has outages. For showing what happens then.
#[derive(Debug)]
pub struct Unreliable<R> {
    register: R,
    outages: Mutex<BTreeMap<String, Option<u32>>>,
}

impl<R> Unreliable<R> {
    /// The register, with these outages.
    pub fn new(register: R, outages: impl IntoIterator<Item = Outage>) -> Self {
        let outages = outages.into_iter().map(|Outage { station, times }| (station, times));
        Self { register, outages: Mutex::new(outages.collect()) }
    }

    /// Ends all outages.
    pub fn repair(&self) {
        self.outages.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether it fails this time.
    fn fails(&self, station: &str) -> bool {
        let mut outages = self.outages.lock().unwrap_or_else(PoisonError::into_inner);
        match outages.get_mut(station) {
            None | Some(Some(0)) => false,
            Some(None) => true,
            Some(Some(times)) => {
                *times -= 1;
                true
            }
        }
    }
}

#[async_trait]
impl<R: StationRegister> StationRegister for Unreliable<R> {
    async fn station(&self, name: &str) -> Result<Option<Station>, RegisterUnavailable> {
        if self.fails(name) {
            return Err(RegisterUnavailable);
        }
        self.register.station(name).await
    }
}

#[cfg(test)]
mod tests;
