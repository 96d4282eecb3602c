//! Batches: in how many requests they go, and the answers to their entries.

use std::collections::BTreeMap;
use std::ops::Range;

use es_core::{Error, Result};

use crate::service::{EntryFailure, for_one_entry};
use crate::telemetry;

/// What SQS and SNS have taken in one request for long, with the attributes of its messages.
pub(crate) const DEFAULT_MAX_BYTES: usize = 256 * 1024;

/// An entry of a batch before it is sent.
pub(crate) struct Checked {
    /// Its size in bytes, or why it cannot be sent.
    pub(crate) size: Result<usize>,
}

/// Sends what can be sent in requests of up to `max_bytes`, one after the other, each through `request`
/// with the numbers of its entries. When one fails, those behind it are not sent: they would overtake it.
///
/// # Errors
///
/// That of the first request. When a later one fails, that is the answer to its entries.
pub(crate) async fn send<T, Sent>(
    entries: impl IntoIterator<Item = Checked>,
    max_bytes: usize,
    request: impl Fn(Vec<usize>) -> Sent,
) -> Result<Vec<Result<T>>>
where
    Sent: Future<Output = Result<Answers<T>>>,
{
    let mut answers = Answers(BTreeMap::new());
    let (mut numbers, mut sizes) = (Vec::new(), Vec::new());
    for (n, Checked { size }) in entries.into_iter().enumerate() {
        match size {
            Ok(size) => {
                numbers.push(n);
                sizes.push(size);
            }
            Err(error) => answers.set(n, Err(error)),
        }
    }
    let mut failed = None;
    for range in divide(&sizes, max_bytes) {
        let is_first = range.start == 0;
        let entries = numbers.get(range).unwrap_or_default();
        if failed.is_none() {
            match request(entries.to_vec()).await {
                Ok(answered) => answers.0.extend(answered.0),
                Err(error) if is_first => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = &failed {
            entries.iter().for_each(|n| answers.set(*n, Err(for_one_entry(error))));
        }
    }
    Ok(answers.into_results())
}

/// The answers to entries of a batch, by their numbers.
pub(crate) struct Answers<T>(BTreeMap<usize, Result<T>>);

impl<T> Answers<T> {
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn set(&mut self, n: usize, answer: Result<T>) {
        self.0.insert(n, answer);
    }

    /// Sets what a service answers to the entry with this id, which is its number.
    pub(crate) fn put(&mut self, id: &str, answer: Result<T>) {
        if let Ok(n) = id.parse() {
            self.set(n, answer);
        }
    }

    /// Sets and counts those that the service says to have failed.
    pub(crate) fn fail<'a, F: Into<EntryFailure<'a>>>(
        &mut self,
        operation: &'static str,
        failed: impl IntoIterator<Item = F>,
        error: impl Fn(EntryFailure<'a>) -> Error,
    ) {
        for failure in failed.into_iter().map(Into::into) {
            let labels = [("operation", operation.to_owned()), ("reason", failure.code.to_owned())];
            metrics::counter!(telemetry::ENTRIES_FAILED, &labels).increment(1);
            self.put(failure.id, Err(error(failure)));
        }
    }

    /// Sets those of `entries` that are left out.
    pub(crate) fn fill(&mut self, entries: &[usize], left_out: impl Fn() -> Error) {
        for n in entries {
            self.0.entry(*n).or_insert_with(|| Err(left_out()));
        }
    }

    /// How many entries were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.0.values().filter(|answer| answer.is_ok()).count().try_into().unwrap_or(u64::MAX)
    }

    /// In the order of the entries.
    pub(crate) fn into_results(self) -> Vec<Result<T>> {
        self.0.into_values().collect()
    }
}

/// Divides messages of these sizes, in their order, into requests of up to `max_bytes`. What is larger by
/// itself has a request of its own: whether it is taken is for the service to say.
fn divide(sizes: &[usize], max_bytes: usize) -> Vec<Range<usize>> {
    let mut requests: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0_usize;
    for (n, size) in sizes.iter().enumerate() {
        bytes = bytes.saturating_add(*size);
        match requests.last_mut() {
            Some(request) if bytes <= max_bytes => request.end = n + 1,
            _ => {
                requests.push(n..n + 1);
                bytes = *size;
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn messages_share_requests_in_their_order() {
        assert_eq!(divide(&[], 10), []);
        assert_eq!(divide(&[4, 6, 1], 10), [0..2, 2..3]);
        assert_eq!(divide(&[1, 11, 1, 1], 10), [0..1, 1..2, 2..4]);
        assert_eq!(divide(&[11, 12], 10), [0..1, 1..2]);
    }

    fn unavailable() -> Error {
        Error::Unavailable { what: "sending".into(), source: "nobody is there".into() }
    }

    /// What each entry is answered with, of requests of up to 10 bytes, and which were in requests; that
    /// with entry `failing` fails.
    async fn sent(sizes: &[usize], failing: usize) -> (Result<Vec<Result<usize>>>, Vec<usize>) {
        let entries = sizes.iter().map(|&size| Checked {
            size: if size == 0 { Err(Error::Misuse("empty".into())) } else { Ok(size) },
        });
        let asked = RefCell::new(Vec::new());
        let request = async |entries: Vec<usize>| {
            asked.borrow_mut().extend(&entries);
            if entries.contains(&failing) {
                return Err(unavailable());
            }
            let mut answers = Answers::none();
            entries.iter().for_each(|n| answers.put(&n.to_string(), Ok(n * 10)));
            Ok(answers)
        };
        let answers = send(entries, 10, request).await;
        (answers, asked.into_inner())
    }

    #[tokio::test]
    async fn every_entry_has_its_answer_in_its_place() {
        let (answers, asked) = sent(&[9, 0, 9, 1], 99).await;
        let told: Vec<_> = answers.unwrap().into_iter().map(Result::ok).collect();
        assert_eq!(told, [Some(0), None, Some(20), Some(30)]);
        assert_eq!(asked, [0, 2, 3]);
    }

    #[tokio::test]
    async fn what_is_behind_a_request_that_failed_is_not_sent() {
        let (answers, asked) = sent(&[9, 9, 9], 1).await;
        assert_eq!(asked, [0, 1]);
        let answers = answers.unwrap();
        assert!(answers[0].is_ok());
        for behind in &answers[1..] {
            let error = behind.as_ref().unwrap_err();
            assert!(error.is_transient());
            assert!(error.with_causes().contains("nobody is there"), "{}", error.with_causes());
        }
        assert!(matches!(sent(&[9, 9], 0).await, (Err(Error::Unavailable { .. }), _)));
    }
}
