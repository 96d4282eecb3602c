/// When something happened: by the clock, and among what happened at the same time of the clock, which
/// may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment {
    /// Since 1970.
    pub(crate) millis: i64,
    tick: u64,
}

impl Moment {
    /// Before all that happened in this millisecond.
    pub(super) fn begin_of(millis: i64) -> Self {
        Self { millis, tick: 0 }
    }

    /// After all that happened in this millisecond.
    pub(super) fn end_of(millis: i64) -> Self {
        Self { millis, tick: u64::MAX }
    }

    /// The next one, at this time of the clock; a clock that is set back does not go back here.
    pub(super) fn next(self, millis: i64) -> Self {
        Self { millis: millis.max(self.millis), tick: self.tick + 1 }
    }

    /// As Kinesis says times: seconds with milliseconds.
    pub(super) fn as_seconds(self) -> f64 {
        // Exact: a time of this age has fewer digits than the mantissa.
        self.millis as f64 / 1000.0
    }

    /// How long before another one it was, in milliseconds.
    pub(super) fn millis_until(self, later: Self) -> i64 {
        (later.millis - self.millis).max(0)
    }
}
