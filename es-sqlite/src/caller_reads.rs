//! Whether small reads are done on the thread of the caller.
//!
//! To hand a read to another thread and back takes longer than to find a few rows in memory. SQLite's files
//! are nearly always in the memory of the operating system, but nothing says so beforehand, and a task must
//! not keep its thread waiting for a disk. So the store goes by what it sees: reads are handed over until a row of
//! them was fast, and again from the first one on that was slow. Who is slow again soon has to prove it for longer,
//! so that of a file that is not in memory hardly any read is done here.

use std::time::Duration;

/// Up to this a small read was fast. A read from memory takes a tenth of it; a task may keep its
/// thread for about as long.
const FAST: Duration = Duration::from_micros(200);

/// Fast reads in a row before callers read themselves: at first, and at most.
const FIRST_PROOF: u32 = 16;
const LONGEST_PROOF: u32 = 4096;

/// Fast reads by callers after which a slow one is the first again.
const FORGIVEN_AFTER: u32 = 4096;

#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerReads {
    callers_read: bool,
    /// Fast reads in a row.
    fast: u32,
    /// How many it takes.
    proof: u32,
}

impl CallerReads {
    pub(crate) fn new() -> Self {
        Self { callers_read: false, fast: 0, proof: FIRST_PROOF }
    }

    /// Whether the next small read is done on its caller's thread.
    pub(crate) fn allowed(&self) -> bool {
        self.callers_read
    }

    /// A small read took so long, wherever it was done.
    pub(crate) fn observe(&mut self, took: Duration) {
        if took > FAST {
            if self.callers_read {
                self.proof = (self.proof * 2).min(LONGEST_PROOF);
            }
            self.callers_read = false;
            self.fast = 0;
            return;
        }
        self.fast = self.fast.saturating_add(1);
        if !self.callers_read && self.fast >= self.proof {
            self.callers_read = true;
            self.fast = 0;
        } else if self.callers_read && self.fast >= FORGIVEN_AFTER {
            self.proof = FIRST_PROOF;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: Duration = Duration::from_micros(20);
    const DISK: Duration = Duration::from_millis(5);

    fn after(reads: &mut CallerReads, took: Duration, times: u32) -> bool {
        for _ in 0..times {
            reads.observe(took);
        }
        reads.allowed()
    }

    #[test]
    fn callers_read_when_a_row_of_reads_was_fast() {
        let mut reads = CallerReads::new();
        assert!(!reads.allowed(), "a file that was just opened");
        assert!(!after(&mut reads, MEMORY, FIRST_PROOF - 1));
        assert!(after(&mut reads, MEMORY, 1));
    }

    #[test]
    fn one_slow_read_ends_it_and_the_next_proof_is_longer() {
        let mut reads = CallerReads::new();
        assert!(after(&mut reads, MEMORY, FIRST_PROOF));
        assert!(!after(&mut reads, DISK, 1));
        assert!(!after(&mut reads, MEMORY, 2 * FIRST_PROOF - 1));
        assert!(after(&mut reads, MEMORY, 1));
        assert!(!after(&mut reads, DISK, 1));
        assert!(!after(&mut reads, MEMORY, 4 * FIRST_PROOF - 1));
    }

    #[test]
    fn of_a_file_that_is_half_in_memory_hardly_any_slow_read_is_a_callers() {
        let mut reads = CallerReads::new();
        let mut slow_for_callers = 0;
        // A slow one after each 40 fast ones.
        for _ in 0..10_000 {
            after(&mut reads, MEMORY, 40);
            slow_for_callers += u32::from(reads.allowed());
            reads.observe(DISK);
        }
        assert_eq!(slow_for_callers, 2);
    }

    #[test]
    fn a_slow_read_is_forgiven_after_many_fast_ones() {
        let mut reads = CallerReads::new();
        after(&mut reads, MEMORY, FIRST_PROOF);
        after(&mut reads, DISK, 1);
        assert!(after(&mut reads, MEMORY, 2 * FIRST_PROOF + FORGIVEN_AFTER));
        after(&mut reads, DISK, 1);
        assert!(after(&mut reads, MEMORY, 2 * FIRST_PROOF), "not four times, as after the second");
    }
}
