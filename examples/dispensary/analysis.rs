//! Analyzing each uploaded prescription, in reaction to its event.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use es_core::{ExecuteError, Policy, Reaction, ReactionError, Recorded, Repository};

use super::domain::{Dispense, DispenseCommand, DispenseError, DispenseEvent};
use super::files::{FileError, PrescriptionFiles};
use super::prescription::{self, Findings};

/// Reads prescriptions. The shipped one parses text; one that asks a service would be another.
#[async_trait]
pub trait Analyzer: Debug + Send + Sync + 'static {
    /// The analyzer's name and version, which are recorded with what it finds.
    fn name(&self) -> &str;

    /// What `text` says.
    ///
    /// # Errors
    ///
    /// [`ReactionError::transient`] when the analyzer cannot work at the moment,
    /// [`ReactionError::permanent`] when it never will. What it cannot read is not an error but part
    /// of the findings.
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

/// Whenever a prescription is uploaded, it is read and its findings are recorded. One whose file is
/// lost or damaged fails for good: it waits in the dead letters until the file is there again.
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
        let text = match self.files.text(file).await {
            Ok(text) => text,
            Err(error @ FileError::Store(_)) => return Err(ReactionError::transient(error)),
            // It was stored before the event was, so waiting does not bring it back. An operator can,
            // and the prescriptions of others do not wait for it.
            Err(error) => return Err(ReactionError::permanent(error)),
        };
        let findings = self.analyzer.analyze(&text).await?;
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
