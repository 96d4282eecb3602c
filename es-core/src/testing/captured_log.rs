use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

/// What is written into the log on the thread of a test, as long as this is there.
///
/// ```
/// use es_core::testing::CapturedLog;
///
/// let log = CapturedLog::of("");
/// tracing::warn!(order = 17, "it comes again");
/// assert_eq!(log.lines(), ["WARN it comes again order=17"]);
/// ```
pub struct CapturedLog {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines {
    target: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<String>>>,
}

impl CapturedLog {
    /// Of what has a target, usually the path of a module, that begins like this.
    pub fn of(target: &'static str) -> Self {
        // While there is one subscriber, a thread that comes to a line first decides for all whether
        // anybody wants it, by its own; so there are two.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(Lines::default()));
        let lines = Lines { target, ..Lines::default() };
        let _guard = tracing::subscriber::set_default(lines.clone());
        Self { lines, _guard }
    }

    /// The lines: level, text, and fields in their order.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines.lines).clone()
    }

    /// The spans that were begun, and what was recorded in them later: name, and fields in their order. Many
    /// a subscriber writes them with each line.
    pub fn spans(&self) -> Vec<String> {
        lock(&self.lines.spans).clone()
    }
}

fn lock(lines: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(self.target)
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut line = Line::default();
        span.record(&mut line);
        lock(&self.spans).push(format!("{}{}", span.metadata().name(), line.fields));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        lock(&self.spans).push(line.fields);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let Line { text, fields } = line;
        lock(&self.lines).push(format!("{} {text}{fields}", event.metadata().level()));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Line {
    text: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // A text takes everything.
        let _ = match field.name() {
            "message" => write!(self.text, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl fmt::Debug for CapturedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapturedLog").field("lines", &lock(&self.lines.lines).len()).finish()
    }
}
