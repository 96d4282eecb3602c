use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use super::error::ArchiveError;
use super::format::{End, FORMAT_VERSION, Line, MAX_LINE_LEN};
use super::report::Report;
use super::stream_ends::{OutOfOrder, StreamEnds};
use crate::commit::Commit;
use crate::event_store::Expected;

/// How many bytes are read at once, at most.
const BUFFER: usize = 1 << 16;

/// Reads the commits of an archive, and checks all that can be checked without a store.
pub(super) struct ArchiveReader<R> {
    source: BufReader<R>,
    line: Vec<u8>,
    max_line_len: usize,
    /// The number of the line, counted from 1; 0 before the header.
    number: u64,
    sha256: Sha256,
    ends: StreamEnds,
    report: Report,
}

/// A commit of an archive.
pub(super) struct ArchivedCommit {
    pub(super) commit: Commit,
    /// The end of its stream before it.
    pub(super) expected: Expected,
    /// The line that it is in.
    pub(super) line: u64,
    /// The length of the line.
    pub(super) len: usize,
}

impl<R: AsyncRead + Unpin> ArchiveReader<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source: BufReader::with_capacity(BUFFER, source),
            line: Vec::new(),
            max_line_len: MAX_LINE_LEN,
            number: 0,
            sha256: Sha256::new(),
            ends: StreamEnds::default(),
            report: Report::default(),
        }
    }

    /// The commits and bytes so far.
    pub(super) fn report(&self) -> Report {
        self.report
    }

    /// The next commit; `None` when the archive is whole and at its end.
    pub(super) async fn next(&mut self) -> Result<Option<ArchivedCommit>, ArchiveError> {
        if self.number == 0 {
            self.read_header().await?;
        }
        self.read_line().await?;
        let commit = match self.parse()? {
            Content::Commit(commit) => commit,
            Content::End => {
                self.check_nothing_follows().await?;
                return Ok(None);
            }
        };
        let expected =
            Expected::end(self.ends.advance(&commit).map_err(|OutOfOrder { expected }| {
                let (stream, found) = (commit.stream().clone(), commit.first_version());
                ArchiveError::OutOfOrder { line: self.number, stream, expected, found }
            })?);
        self.sha256.update(&self.line);
        self.report.add(&commit);
        let (line, len) = (self.number, self.line.len());
        Ok(Some(ArchivedCommit { commit, expected, line, len }))
    }

    async fn read_header(&mut self) -> Result<(), ArchiveError> {
        self.read_line().await?;
        let version = match Line::parse(&self.line) {
            Ok(Line::Header(header)) if header.is_of_a_log() => header.version,
            _ => return Err(ArchiveError::NotAnArchive),
        };
        if version != FORMAT_VERSION {
            let (found, supported) = (version, FORMAT_VERSION);
            return Err(ArchiveError::UnsupportedFormat { found, supported });
        }
        self.sha256.update(&self.line);
        Ok(())
    }

    /// What the line says, behind the header.
    fn parse(&self) -> Result<Content, ArchiveError> {
        match Line::parse(&self.line) {
            Ok(Line::Commit(line)) => match line.commit() {
                Ok(commit) => Ok(Content::Commit(commit)),
                Err(reason) => Err(self.damaged(reason)),
            },
            Ok(Line::End(end)) => self.check_end(&end).map(|()| Content::End),
            Ok(Line::Header(_)) => Err(self.damaged("it is a second header".to_owned())),
            Err(_) if !self.line.ends_with(b"\n") => Err(truncated_behind(self.number - 1)),
            Err(reason) => Err(self.damaged(reason)),
        }
    }

    /// Reads a line with its line feed, if it has one.
    async fn read_line(&mut self) -> Result<(), ArchiveError> {
        self.line.clear();
        let mut source = (&mut self.source).take(self.max_line_len as u64 + 1);
        let len = source.read_until(b'\n', &mut self.line).await?;
        if len == 0 {
            return Err(truncated_behind(self.number));
        }
        self.number += 1;
        self.report.bytes += len as u64;
        if len > self.max_line_len {
            return Err(self.damaged("it is longer than any line that is written".to_owned()));
        }
        Ok(())
    }

    fn check_end(&self, end: &End<'_>) -> Result<(), ArchiveError> {
        let found = End::new(&self.report, &self.sha256.clone().finalize());
        check("number of commits", &end.commits.to_string(), &found.commits.to_string())?;
        check("number of events", &end.events.to_string(), &found.events.to_string())?;
        check("digest", &end.digest, &found.digest)?;
        check("SHA-256", &end.sha256, &found.sha256)
    }

    async fn check_nothing_follows(&mut self) -> Result<(), ArchiveError> {
        match self.read_line().await {
            Err(ArchiveError::Truncated { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(self.damaged("it follows the end".to_owned())),
        }
    }

    fn damaged(&self, reason: String) -> ArchiveError {
        ArchiveError::Damaged { line: self.number, reason }
    }
}

/// What a line behind the header says.
enum Content {
    Commit(Commit),
    End,
}

fn truncated_behind(line: u64) -> ArchiveError {
    ArchiveError::Truncated { line }
}

fn check(what: &'static str, listed: &str, found: &str) -> Result<(), ArchiveError> {
    if listed == found {
        return Ok(());
    }
    Err(ArchiveError::Mismatch { what, listed: listed.to_owned(), found: found.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::format::Header;

    #[tokio::test]
    async fn a_line_without_end_takes_no_memory() {
        let mut header = Vec::new();
        Line::Header(Header::new()).write(&mut header).unwrap();
        let endless = (&header[..]).chain(tokio::io::repeat(b'x'));
        let mut reader = ArchiveReader { max_line_len: 1_000, ..ArchiveReader::new(endless) };
        let refused = reader.next().await.map(drop).unwrap_err();
        assert!(matches!(refused, ArchiveError::Damaged { line: 2, .. }), "{refused}");
        assert_eq!(reader.line.len(), 1_001);
    }
}
