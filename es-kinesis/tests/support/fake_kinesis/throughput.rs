use std::collections::VecDeque;

/// The second in which a shard's limits count.
const WINDOW_MILLIS: i64 = 1_000;
const RECORDS_WRITTEN: usize = 1_000;
const BYTES_WRITTEN: usize = 1 << 20;
const READS: usize = 5;
const BYTES_READ: i64 = 2 << 20;

/// What went into a shard and out of it lately.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    written: VecDeque<(i64, usize)>,
    read: VecDeque<i64>,
    /// Until when the last answer takes up what can be read.
    busy_until: i64,
}

impl Throughput {
    /// Whether the shard takes a record of this size; if so, it counts. One record may be larger than
    /// what a second has, as the newer limits allow.
    pub(super) fn takes(&mut self, bytes: usize, now: i64) -> bool {
        self.written.retain(|(at, _)| now - at < WINDOW_MILLIS);
        let before: usize = self.written.iter().map(|(_, bytes)| bytes).sum();
        let has_room = before == 0 || before + bytes <= BYTES_WRITTEN;
        let takes = has_room && self.written.len() < RECORDS_WRITTEN;
        if takes {
            self.written.push_back((now, bytes));
        }
        takes
    }

    /// Whether the shard answers a read; if so, it counts.
    pub(super) fn answers(&mut self, now: i64) -> bool {
        self.read.retain(|at| now - at < WINDOW_MILLIS);
        let answers = self.read.len() < READS && now >= self.busy_until;
        if answers {
            self.read.push_back(now);
        }
        answers
    }

    /// Counts what a read answered with.
    pub(super) fn gave(&mut self, bytes: usize, now: i64) {
        let bytes = i64::try_from(bytes).expect("an answer is small");
        if bytes > BYTES_READ {
            self.busy_until = now + bytes * WINDOW_MILLIS / BYTES_READ;
        }
    }
}
