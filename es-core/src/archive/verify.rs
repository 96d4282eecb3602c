use std::time::Duration;

use tokio::io::AsyncRead;

use super::error::ArchiveError;
use super::reader::ArchiveReader;
use super::report::Report;
use crate::clock::{Clock, SystemClock};

/// Reads an archive and checks all that can be checked without a store: that every line is what was
/// written, that streams have no gaps, and that it is whole. Nothing is imported.
///
/// # Errors
///
/// [`ArchiveError`] with the first line that is not as it should be. Events are not decoded: that needs
/// their types.
pub async fn verify(source: impl AsyncRead + Unpin + Send) -> Result<Report, ArchiveError> {
    verify_with(source, &SystemClock, |_| {}).await
}

/// Like [`verify`], tells by `clock` how long it takes, and calls `report` after each commit.
///
/// # Errors
///
/// As [`verify`].
pub async fn verify_with(
    source: impl AsyncRead + Unpin + Send,
    clock: &dyn Clock,
    mut report: impl FnMut(Report) + Send,
) -> Result<Report, ArchiveError> {
    let began = clock.now();
    let elapsed = || Duration::try_from(clock.now().duration_since(began)).unwrap_or_default();
    let mut archive = ArchiveReader::new(source);
    while archive.next().await?.is_some() {
        report(Report { elapsed: elapsed(), ..archive.report() });
    }
    Ok(Report { elapsed: elapsed(), ..archive.report() })
}
