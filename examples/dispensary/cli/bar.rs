//! How far something is that takes long, on a terminal.

use std::time::Duration;

use es_core::CatchUp;
use es_core::archive::Report;
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::command_line::AnyError;

/// Drawn on standard error, and on terminals only; gone when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// Counts the commits that `name` has handled.
    pub(super) fn of_commits(name: &str) -> Result<Self, AnyError> {
        Self::new(name, 0, "{prefix} {wide_bar} {pos}/{len} commits{msg}")
    }

    /// Counts the bytes of a file that were read.
    pub(super) fn of_file(name: &str, len: u64) -> Result<Self, AnyError> {
        Self::new(name, len, "{prefix} {wide_bar} {bytes}/{total_bytes}{msg}")
    }

    fn new(name: &str, len: u64, template: &str) -> Result<Self, AnyError> {
        let style = ProgressStyle::with_template(template)?;
        let bar = ProgressBar::new(len).with_style(style).with_prefix(name.to_owned());
        // Seen at once, also when the first step takes long.
        bar.tick();
        Ok(Self(bar))
    }

    pub(super) fn show(&self, progress: CatchUp) {
        self.tell(progress.rate(), progress.time_left());
        self.0.set_length(progress.passed + progress.remaining.unwrap_or(0));
        self.0.set_position(progress.passed);
    }

    pub(super) fn show_export(&self, report: Report) {
        self.tell(report.rate(), report.time_left());
        self.0.set_length(report.commits + report.remaining.unwrap_or(0));
        self.0.set_position(report.commits);
    }

    pub(super) fn show_file(&self, report: Report) {
        self.tell(report.rate(), None);
        self.0.set_position(report.bytes);
    }

    fn tell(&self, rate: Option<f64>, time_left: Option<Duration>) {
        let rate = rate.map(|rate| format!(", {}/s", HumanCount(rate as u64)));
        let left = time_left.map(|left| format!(", {} left", HumanDuration(left)));
        self.0.set_message([rate, left].into_iter().flatten().collect::<String>());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
