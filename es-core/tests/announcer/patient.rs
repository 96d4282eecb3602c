//! Events about persons, in three schema versions.

use es_core::{Codec, CommitId, Compression, EncodedEvents, Event, NewCommit, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Patient")]
#[serde(rename_all_fields = "camelCase")]
pub(crate) enum PatientEvent {
    #[event(
        version = 3,
        alias = "Registered",
        upcast(from = 1, with = split_name),
        upcast(from = 2, with = add_contact)
    )]
    Admitted {
        #[event(personal)]
        first_name: String,
        #[event(personal)]
        last_name: String,
        #[event(personal)]
        #[serde(rename = "contact")]
        e_mail: Contact,
        ward: String,
    },
    #[event(personal)]
    NoteTaken {
        text: String,
    },
    Weighed(#[event(personal)] Weight),
    Moved {
        ward: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub mail: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weight {
    pub by: String,
}

/// Version 1, in which a whole name was `fullname`, and the ward `station`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdmittedV1 {
    pub fullname: String,
    pub station: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdmittedV2 {
    pub given: String,
    pub family: String,
    pub ward: String,
}

fn split_name(old: AdmittedV1) -> AdmittedV2 {
    let (given, family) = old.fullname.split_once(' ').unwrap_or((&old.fullname, "?"));
    AdmittedV2 { given: given.to_owned(), family: family.to_owned(), ward: old.station }
}

fn add_contact(old: AdmittedV2) -> PatientEvent {
    let AdmittedV2 { given: first_name, family: last_name, ward } = old;
    let e_mail = Contact { mail: String::new() };
    PatientEvent::Admitted { first_name, last_name, e_mail, ward }
}

/// An event as a program of its time has stored it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored {
    V1(AdmittedV1),
    /// Under the name that it had then.
    V1Registered(AdmittedV1),
    V2(AdmittedV2),
    Now(PatientEvent),
}

impl Stored {
    fn manifest_and_payload(&self, codec: Codec) -> (String, u32, Vec<u8>) {
        let mut payload = Vec::new();
        let (name, version) = match self {
            Self::V1(old) => {
                codec.encode(old, &mut payload).unwrap();
                ("Patient:Admitted", 1)
            }
            Self::V1Registered(old) => {
                codec.encode(old, &mut payload).unwrap();
                ("Patient:Registered", 1)
            }
            Self::V2(old) => {
                codec.encode(old, &mut payload).unwrap();
                ("Patient:Admitted", 2)
            }
            Self::Now(event) => {
                event.encode(codec, &mut payload).unwrap();
                (event.name(), event.schema_version())
            }
        };
        (name.to_owned(), version, payload)
    }
}

/// The events as they are in the log.
pub(crate) fn stored(events: &[Stored], codec: Codec) -> EncodedEvents {
    let events: Vec<_> = events.iter().map(|event| event.manifest_and_payload(codec)).collect();
    let entry = |(name, version, payload): &(String, u32, Vec<u8>)| {
        format!("{name} {version} {}", payload.len())
    };
    let manifest = events.iter().map(entry).collect::<Vec<_>>().join("\n");
    let payloads: Vec<_> = events.into_iter().map(|(_, _, payload)| payload).collect();
    let separator: &[u8] = if codec == Codec::Json { b"\n" } else { b"" };
    let encoding = es_core::Encoding { codec, compression: Compression::None };
    let payloads = payloads.join(separator).into();
    EncodedEvents::from_stored(encoding, manifest.into(), payloads).unwrap()
}

/// A commit of them, with metadata that say who acted.
pub(crate) fn commit(number: u64, events: EncodedEvents) -> NewCommit {
    let mut metadata = es_core::Metadata::new();
    metadata.actor = Some("SECRET actor".to_owned());
    metadata.correlation_id = Some(format!("request {number}"));
    metadata.entries.insert("ip".to_owned(), "SECRET address".to_owned());
    let id = CommitId::from_bytes(u128::from(number + 1).to_be_bytes());
    NewCommit::new(id, Timestamp::UNIX_EPOCH, metadata.encode().unwrap(), events)
}
