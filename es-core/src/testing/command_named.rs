use std::fmt;

/// Which command of a process is meant: by its name `"Reserve"` the last one that waits, and by name and place
/// `("Reserve", 0)`, counted from 0 in the order in which they were issued, one of several that wait under this name.
#[derive(Debug, Clone, Copy)]
pub struct CommandNamed<'a> {
    pub(super) name: &'a str,
    place: Option<usize>,
}

impl CommandNamed<'_> {
    /// The one of `commands`, which are those of the name.
    pub(super) fn of<T: Copy>(&self, commands: &[T]) -> Option<T> {
        match self.place {
            Some(place) => commands.get(place).copied(),
            None => commands.last().copied(),
        }
    }
}

impl<'a> From<&'a str> for CommandNamed<'a> {
    fn from(name: &'a str) -> Self {
        Self { name, place: None }
    }
}

impl<'a> From<(&'a str, usize)> for CommandNamed<'a> {
    fn from((name, place): (&'a str, usize)) -> Self {
        Self { name, place: Some(place) }
    }
}

impl fmt::Display for CommandNamed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{:?} at place {place}", self.name),
            None => write!(f, "{:?}", self.name),
        }
    }
}
