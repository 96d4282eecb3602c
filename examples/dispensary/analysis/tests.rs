use es_core::testing::{GivenEvents, ThenReacted};
use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path as Key;

use super::*;
use crate::dispensary::domain::PrescriptionFile;

const TEXT: &str = "Metformin 850 mg tablets, 1 tablet bd";

fn file() -> PrescriptionFile {
    PrescriptionFiles::check("text/plain", TEXT.as_bytes()).unwrap()
}

/// Uploads [`TEXT`] as the file of a dispense with `history`, while its object is `stored`.
async fn upload(history: Vec<DispenseEvent>, stored: Option<&str>) -> ThenReacted<AnalysisPolicy> {
    upload_to(history, stored, Arc::new(TextAnalyzer)).await
}

async fn upload_to(
    history: Vec<DispenseEvent>,
    stored: Option<&str>,
    analyzer: Arc<dyn Analyzer>,
) -> ThenReacted<AnalysisPolicy> {
    let objects = Arc::new(InMemory::new());
    if let Some(text) = stored {
        let key = Key::from(file().key.as_str());
        objects.put(&key, text.to_owned().into()).await.unwrap();
    }
    let files = PrescriptionFiles::new(objects);
    let events = [history, vec![DispenseEvent::PrescriptionUploaded(file())]].concat();
    GivenEvents::nothing()
        .react_with(|given| AnalysisPolicy::new(given.repository(), files, analyzer))
        .when("dispense", "d-1", events)
        .await
}

fn analyzed(findings: Findings) -> DispenseEvent {
    let analyzer = TextAnalyzer.name().to_owned();
    DispenseEvent::PrescriptionAnalyzed { sha256: file().sha256, analyzer, findings }
}

#[tokio::test]
async fn an_upload_is_analyzed_once() {
    upload(vec![DispenseEvent::Started], Some(TEXT))
        .await
        .then_caused("dispense", "d-1", [analyzed(prescription::parse(TEXT))])
        .then_nothing_else()
        .then_redelivery_changes_nothing()
        .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_had_fails_for_good() {
    for (stored, error) in
        [(None, "is not there any more"), (Some("Metformin 8500 mg"), "is not what was uploaded")]
    {
        let then = upload(vec![DispenseEvent::Started], stored).await;
        then.then_permanent_error(error).then_nothing();
    }
}

/// Cannot be reached.
#[derive(Debug)]
struct Away;

#[async_trait]
impl Analyzer for Away {
    fn name(&self) -> &str {
        "away"
    }

    async fn analyze(&self, _: &str) -> Result<Findings, ReactionError> {
        Err(ReactionError::transient("the analyzer is away"))
    }
}

#[tokio::test]
async fn an_analyzer_that_is_away_is_waited_for() {
    upload_to(vec![DispenseEvent::Started], Some(TEXT), Arc::new(Away))
        .await
        .then_transient_error("the analyzer is away")
        .then_nothing();
}
