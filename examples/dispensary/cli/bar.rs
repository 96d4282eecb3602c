//! How far something is that takes long, on a terminal.

use es_core::CatchUp;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use super::AnyError;

/// Drawn on standard error, and on terminals only; gone when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(consumer: &str) -> Result<Self, AnyError> {
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {pos}/{len} commits{msg}")?;
        let bar = ProgressBar::new(0).with_style(style).with_prefix(consumer.to_owned());
        // Seen at once, also when the first step takes long.
        bar.tick();
        Ok(Self(bar))
    }

    pub(super) fn show(&self, progress: CatchUp) {
        let rate = progress.rate().map(|rate| format!(", {}/s", HumanCount(rate as u64)));
        let left = progress.time_left().map(|left| format!(", {} left", HumanDuration(left)));
        self.0.set_message([rate, left].into_iter().flatten().collect::<String>());
        self.0.set_length(progress.passed + progress.remaining.unwrap_or(0));
        self.0.set_position(progress.passed);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
