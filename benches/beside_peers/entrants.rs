//! The other libraries.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;

use es_benches::driver::Failure;
use es_benches::program::{Entry, Program};
use es_benches::race::{Absent, Floor, Race};

/// The programs that were started, and what they can do.
pub(crate) struct Programs(Vec<(RefCell<Program>, Vec<Entry>)>);

impl Programs {
    pub(crate) fn start(paths: &[PathBuf]) -> Result<Self, Failure> {
        let start = |path: &PathBuf| {
            let mut program = Program::start(Command::new(path))?;
            let entries =
                program.entries().map_err(|error| format!("{}: {error}", path.display()))?;
            Ok((RefCell::new(program), entries))
        };
        Ok(Self(paths.iter().map(start).collect::<Result<_, Failure>>()?))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (&RefCell<Program>, &Entry)> {
        self.0
            .iter()
            .flat_map(|(program, entries)| entries.iter().map(move |entry| (program, entry)))
    }
}

/// Those that run nowhere without a server have rows, too: they say so.
pub(crate) fn enter_those_with_servers(race: &mut Race<'_>, with: Floor) {
    race.guest("disintegrate 4.0.0", Some(with), || {
        Err(Absent::Cannot("its one event store is Postgres, a server".to_owned()))
    });
}
