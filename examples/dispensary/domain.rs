//! The dispense: what can be asked for, what can happen, and when.

use es_core::{Aggregate, Command, Event, Snapshot};
use serde::{Deserialize, Serialize};

use super::prescription::Findings;

/// One dispense, folded from its events.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dispense {
    /// Where it is in its life; `None` before it is started.
    pub status: Option<Status>,
    /// The newest prescription.
    pub prescription: Option<PrescriptionFile>,
    /// What the newest prescription says.
    pub findings: Option<Findings>,
    /// For whom it is.
    pub patient: Option<Patient>,
    /// What is handed out.
    pub drugs: Vec<Drug>,
    /// Why it was cancelled.
    pub cancelled_because: Option<String>,
}

/// The stations of a dispense's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Started; no prescription yet.
    Pending,
    /// The prescription is being analyzed.
    Analyzing,
    /// The prescription is analyzed; patient and drugs can be confirmed.
    Ready,
    /// Handed out.
    Complete,
    /// Given up before it was complete.
    Cancelled,
}

impl Status {
    /// All stations, in the order of a life.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Analyzing, Self::Ready, Self::Complete, Self::Cancelled];

    /// The name in the API and in views.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Analyzing => "analyzing",
            Self::Ready => "ready",
            Self::Complete => "complete",
            Self::Cancelled => "cancelled",
        }
    }
}

impl std::str::FromStr for Status {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{name:?} is not a status; there are {names}")
        })
    }
}

/// A prescription in the object store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrescriptionFile {
    /// The object's key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub content_type: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// The person that the drugs are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patient {
    /// The name.
    pub name: String,
    /// The date of birth, `YYYY-MM-DD`.
    #[serde(default)]
    pub date_of_birth: Option<String>,
}

/// A drug to be handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drug {
    /// Its name.
    pub name: String,
    /// Its strength, as in `500 mg`.
    #[serde(default)]
    pub strength: Option<String>,
    /// How it is to be taken.
    #[serde(default)]
    pub directions: Option<String>,
    /// How much is handed out.
    #[serde(default)]
    pub quantity: Option<String>,
}

/// What can be asked of a dispense.
#[derive(Debug, Clone, Command)]
pub enum DispenseCommand {
    /// Begin.
    Start,
    /// A prescription has been stored.
    UploadPrescription(PrescriptionFile),
    /// A prescription has been analyzed.
    RecordAnalysis {
        /// Which prescription: the SHA-256 of its content.
        sha256: String,
        /// The analyzer.
        analyzer: String,
        /// What it found.
        findings: Findings,
    },
    /// The patient has been identified.
    AddPatient(Patient),
    /// Drugs have been chosen.
    AddDrugs(Vec<Drug>),
    /// Everything has been handed out.
    Complete,
    /// It is not to go on.
    Cancel {
        /// Why.
        reason: String,
    },
}

/// What can happen to a dispense.
#[derive(Debug, Clone, PartialEq, Event)]
#[event(prefix = "Dispense")]
pub enum DispenseEvent {
    /// It began.
    Started,
    /// A prescription was stored.
    PrescriptionUploaded(PrescriptionFile),
    /// A prescription was analyzed.
    PrescriptionAnalyzed {
        /// The SHA-256 of its content.
        sha256: String,
        /// The analyzer.
        analyzer: String,
        /// What it found.
        findings: Findings,
    },
    /// The patient was identified.
    PatientAdded(Patient),
    /// Drugs were chosen.
    DrugsAdded {
        /// The drugs, in addition to those before.
        drugs: Vec<Drug>,
    },
    /// Everything was handed out.
    Completed,
    /// It was given up.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DispenseError {
    /// Nothing was started under this id.
    #[error("there is no such dispense")]
    NotStarted,
    /// It was started before.
    #[error("the dispense is started already")]
    AlreadyStarted,
    /// Its life is over.
    #[error("the dispense is {status} and cannot change any more", status = .0.as_str())]
    Closed(Status),
    /// It has no analyzed prescription yet.
    #[error("the dispense is {status}; it needs an analyzed prescription first", status = .0.as_str())]
    NotReady(Status),
    /// The analysis is of a prescription that is not, or no longer, the current one.
    #[error("the analysis is of a prescription that is not the current one")]
    AnalysisOutdated,
    /// Nobody is named.
    #[error("the patient has no name")]
    PatientWithoutName,
    /// The date of birth is not a date.
    #[error("the date of birth is not a date like 1980-12-31")]
    InvalidDateOfBirth,
    /// Another patient was identified before.
    #[error("another patient is identified already")]
    AnotherPatient,
    /// A list of drugs is empty.
    #[error("no drugs are given")]
    NoDrugs,
    /// A drug has no name.
    #[error("a drug has no name")]
    DrugWithoutName,
    /// It cannot be complete without a patient.
    #[error("the patient is missing")]
    PatientMissing,
    /// It cannot be complete without drugs.
    #[error("the drugs are missing")]
    DrugsMissing,
    /// A cancellation needs a reason.
    #[error("the reason is missing")]
    ReasonMissing,
}

impl Aggregate for Dispense {
    const CATEGORY: &'static str = "dispense";
    type Command = DispenseCommand;
    type Event = DispenseEvent;
    type Error = DispenseError;

    fn handle(&self, command: DispenseCommand) -> Result<Vec<DispenseEvent>, DispenseError> {
        let status = match (self.status, &command) {
            (None, DispenseCommand::Start) => return Ok(vec![DispenseEvent::Started]),
            (None, _) => return Err(DispenseError::NotStarted),
            (Some(_), DispenseCommand::Start) => return Err(DispenseError::AlreadyStarted),
            (Some(closed @ (Status::Complete | Status::Cancelled)), _) => {
                return Err(DispenseError::Closed(closed));
            }
            (Some(open), _) => open,
        };
        match command {
            DispenseCommand::Start => Err(DispenseError::AlreadyStarted),
            DispenseCommand::UploadPrescription(file) => self.upload(file),
            DispenseCommand::RecordAnalysis { sha256, analyzer, findings } => {
                self.record_analysis(status, sha256, analyzer, findings)
            }
            DispenseCommand::AddPatient(patient) => self.add_patient(patient),
            DispenseCommand::AddDrugs(drugs) => add_drugs(drugs),
            DispenseCommand::Complete => self.complete(status),
            DispenseCommand::Cancel { reason } if reason.trim().is_empty() => {
                Err(DispenseError::ReasonMissing)
            }
            DispenseCommand::Cancel { reason } => Ok(vec![DispenseEvent::Cancelled { reason }]),
        }
    }

    fn apply(&mut self, event: DispenseEvent) {
        match event {
            DispenseEvent::Started => self.status = Some(Status::Pending),
            DispenseEvent::PrescriptionUploaded(file) => {
                self.status = Some(Status::Analyzing);
                self.prescription = Some(file);
                self.findings = None;
            }
            DispenseEvent::PrescriptionAnalyzed { findings, .. } => {
                self.status = Some(Status::Ready);
                self.findings = Some(findings);
            }
            DispenseEvent::PatientAdded(patient) => self.patient = Some(patient),
            DispenseEvent::DrugsAdded { drugs } => self.drugs.extend(drugs),
            DispenseEvent::Completed => self.status = Some(Status::Complete),
            DispenseEvent::Cancelled { reason } => {
                self.status = Some(Status::Cancelled);
                self.cancelled_because = Some(reason);
            }
        }
    }
}

type Decision = Result<Vec<DispenseEvent>, DispenseError>;

impl Dispense {
    /// A new prescription replaces the one before; the same one again changes nothing.
    fn upload(&self, file: PrescriptionFile) -> Decision {
        match &self.prescription {
            Some(current) if current.sha256 == file.sha256 => Ok(vec![]),
            _ => Ok(vec![DispenseEvent::PrescriptionUploaded(file)]),
        }
    }

    fn record_analysis(
        &self,
        status: Status,
        sha256: String,
        analyzer: String,
        findings: Findings,
    ) -> Decision {
        if self.prescription.as_ref().is_none_or(|current| current.sha256 != sha256) {
            return Err(DispenseError::AnalysisOutdated);
        }
        match status {
            Status::Analyzing => {
                Ok(vec![DispenseEvent::PrescriptionAnalyzed { sha256, analyzer, findings }])
            }
            _ => Ok(vec![]),
        }
    }

    fn add_patient(&self, patient: Patient) -> Decision {
        if patient.name.trim().is_empty() {
            return Err(DispenseError::PatientWithoutName);
        }
        if let Some(date) = &patient.date_of_birth
            && date.parse::<jiff::civil::Date>().is_err()
        {
            return Err(DispenseError::InvalidDateOfBirth);
        }
        match &self.patient {
            None => Ok(vec![DispenseEvent::PatientAdded(patient)]),
            Some(current) if *current == patient => Ok(vec![]),
            Some(_) => Err(DispenseError::AnotherPatient),
        }
    }

    fn complete(&self, status: Status) -> Decision {
        if status != Status::Ready {
            return Err(DispenseError::NotReady(status));
        }
        if self.patient.is_none() {
            return Err(DispenseError::PatientMissing);
        }
        if self.drugs.is_empty() {
            return Err(DispenseError::DrugsMissing);
        }
        Ok(vec![DispenseEvent::Completed])
    }
}

fn add_drugs(drugs: Vec<Drug>) -> Decision {
    if drugs.is_empty() {
        return Err(DispenseError::NoDrugs);
    }
    if drugs.iter().any(|drug| drug.name.trim().is_empty()) {
        return Err(DispenseError::DrugWithoutName);
    }
    Ok(vec![DispenseEvent::DrugsAdded { drugs }])
}

impl Snapshot for Dispense {
    const SCHEMA_VERSION: u32 = 1;
}

#[cfg(test)]
mod tests;
