use clap::Args;

/// How many of something are listed.
#[derive(Debug, Clone, Copy, Args, Default, PartialEq, Eq)]
pub struct Limit {
    /// At most so many [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Limit {
    /// How many are asked for: one more than is shown, to know whether that is all.
    pub fn asked(self) -> usize {
        self.shown().saturating_add(1)
    }

    fn shown(self) -> usize {
        usize::try_from(self.limit.unwrap_or(100)).unwrap_or(usize::MAX)
    }

    /// Leaves of what was found what is shown, and says on standard error that there is more.
    pub fn cut<T>(self, found: &mut Vec<T>) {
        let limit = self.shown();
        if found.len() > limit {
            found.truncate(limit);
            eprintln!("note: there are more than {limit}; --limit shows more of them");
        }
    }
}
