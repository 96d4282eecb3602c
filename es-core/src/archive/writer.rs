use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt as _, BufWriter};

use super::error::ArchiveError;
use super::format::{CommitLine, End, Header, Line, MAX_LINE_LEN};
use super::report::Report;
use crate::commit::Commit;

/// How many bytes are written at once, about.
const BUFFER: usize = 1 << 16;

/// Writes the lines of an archive, and keeps count of them.
pub(super) struct ArchiveWriter<W> {
    sink: BufWriter<W>,
    line: Vec<u8>,
    sha256: Sha256,
    report: Report,
}

impl<W: AsyncWrite + Unpin> ArchiveWriter<W> {
    /// Writes the header.
    pub(super) async fn begin(sink: W) -> Result<Self, ArchiveError> {
        let sink = BufWriter::with_capacity(BUFFER, sink);
        let (line, sha256, report) = (Vec::new(), Sha256::new(), Report::default());
        let mut writer = Self { sink, line, sha256, report };
        writer.encode(&Line::Header(Header::new()))?;
        writer.write().await?;
        Ok(writer)
    }

    /// Writes a commit.
    pub(super) async fn commit(&mut self, commit: &Commit) -> Result<(), ArchiveError> {
        self.encode(&Line::Commit(Box::new(CommitLine::new(commit))))?;
        if self.line.len() > MAX_LINE_LEN {
            let (stream, version) = (commit.stream().clone(), commit.first_version());
            return Err(ArchiveError::TooLarge { stream, version });
        }
        self.report.add(commit);
        self.write().await
    }

    /// Writes the end.
    pub(super) async fn end(mut self) -> Result<Report, ArchiveError> {
        let sha256 = self.sha256.clone().finalize();
        self.encode(&Line::End(End::new(&self.report, &sha256)))?;
        self.write().await?;
        self.sink.flush().await?;
        Ok(self.report)
    }

    /// The commits and bytes so far.
    pub(super) fn report(&self) -> Report {
        self.report
    }

    fn encode(&mut self, line: &Line<'_>) -> Result<(), ArchiveError> {
        self.line.clear();
        Ok(line.write(&mut self.line).map_err(std::io::Error::from)?)
    }

    async fn write(&mut self) -> Result<(), ArchiveError> {
        self.sha256.update(&self.line);
        self.report.bytes += self.line.len() as u64;
        Ok(self.sink.write_all(&self.line).await?)
    }
}
