//! Analyzing each uploaded prescription, in reaction to its event.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::{ExecuteError, Policy, Reaction, ReactionError, Recorded, Repository};

use super::domain::{Dispense, DispenseCommand, DispenseError, DispenseEvent};
use super::files::{FileError, PrescriptionFiles};
use super::prescription::{self, Findings, Reason, UnreadableLine};

/// Reads prescriptions. The shipped one parses text; one that asks a service would be another.
#[async_trait]
pub trait Analyzer: Debug + Send + Sync + 'static {
    /// The analyzer's name and version, which are recorded with what it finds.
    fn name(&self) -> &str;

    /// What `text` says.
    ///
    /// # Errors
    ///
    /// [`ReactionError::transient`] when the analyzer cannot work at the moment. What it cannot
    /// read is not an error but part of the findings.
    async fn analyze(&self, text: &str) -> Result<Findings, ReactionError>;
}

/// Analyzes by the [parser](prescription::parse).
#[derive(Debug, Clone, Copy, Default)]
pub struct TextAnalyzer;

#[async_trait]
impl Analyzer for TextAnalyzer {
    fn name(&self) -> &str {
        "text-parser/1"
    }

    async fn analyze(&self, text: &str) -> Result<Findings, ReactionError> {
        Ok(prescription::parse(text))
    }
}

/// Whenever a prescription is uploaded, it is read and its findings are recorded.
#[derive(Debug)]
pub struct AnalysisPolicy {
    dispenses: Repository<Dispense>,
    files: PrescriptionFiles,
    analyzer: Arc<dyn Analyzer>,
}

impl AnalysisPolicy {
    /// The policy, with what it needs to read files and to record findings.
    pub fn new(
        dispenses: Repository<Dispense>,
        files: PrescriptionFiles,
        analyzer: Arc<dyn Analyzer>,
    ) -> Self {
        Self { dispenses, files, analyzer }
    }
}

/// What is found in a file that cannot be had: one line, which is none of its own.
fn unreadable_file(error: &FileError) -> Findings {
    let line = UnreadableLine { line: 0, text: error.to_string(), reason: Reason::Illegible };
    Findings { unreadable: vec![line], ..Findings::default() }
}

#[async_trait]
impl Policy for AnalysisPolicy {
    const NAME: &'static str = "prescription_analysis";
    const CATEGORIES: &'static [&'static str] = &["dispense"];
    type Event = DispenseEvent;

    async fn react(
        &self,
        event: &Recorded<'_, DispenseEvent>,
        reaction: &Reaction,
    ) -> Result<(), ReactionError> {
        let DispenseEvent::PrescriptionUploaded(file) = &event.event else { return Ok(()) };
        let findings = match self.files.text(file).await {
            Ok(text) => self.analyzer.analyze(&text).await?,
            Err(error @ FileError::Store(_)) => return Err(ReactionError::transient(error)),
            // It was stored before the event was, so waiting does not bring it back. That is a finding
            // for the pharmacist; the prescriptions behind it must not wait for it.
            Err(error) => unreadable_file(&error),
        };
        let command = DispenseCommand::RecordAnalysis {
            sha256: file.sha256.clone(),
            analyzer: self.analyzer.name().to_owned(),
            findings,
        };
        let options = reaction.options(0)?;
        match self.dispenses.execute_with(event.aggregate_id(), command, options).await {
            Ok(_) => Ok(()),
            // Cancelled, or another prescription uploaded, in the meantime: nobody needs it.
            Err(ExecuteError::Rejected(
                DispenseError::Closed(_) | DispenseError::AnalysisOutdated,
            )) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
