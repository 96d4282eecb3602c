use clap::Args;
use es_core::{DeadMessageFilter, DeadMessageRedrive, Redriven};
use serde::Serialize;

/// How many dead letters are sent back, and how fast.
#[derive(Debug, Args)]
pub struct RedrivePace {
    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_most: Option<u64>,
    /// At most so many per second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    per_second: Option<u32>,
}

impl RedrivePace {
    /// The redrive of what matches.
    pub fn of(&self, filter: DeadMessageFilter) -> DeadMessageRedrive {
        let mut redrive = DeadMessageRedrive::of(filter);
        if let Some(letters) = self.at_most {
            redrive = redrive.at_most(letters);
        }
        if let Some(letters) = self.per_second {
            redrive = redrive.per_second(letters);
        }
        redrive
    }
}

/// What a redrive came to.
#[derive(Debug, Serialize)]
pub struct RedriveReport {
    /// How many went back.
    pub redriven: u64,
    /// Those that should have, and stay.
    pub stayed: Vec<Stayed>,
    /// How many could not be looked at, where that is known.
    pub unseen: Option<u64>,
}

/// A dead letter that could not be sent back.
#[derive(Debug, Serialize)]
pub struct Stayed {
    /// Its id, in the dead-letter queue.
    pub id: String,
    /// Why.
    pub error: String,
}

impl From<Redriven> for RedriveReport {
    fn from(redriven: Redriven) -> Self {
        let stayed = redriven.stayed.into_iter();
        let stayed = stayed.map(|(id, error)| Stayed { id: id.to_string(), error }).collect();
        Self { redriven: redriven.moved, stayed, unseen: redriven.unseen }
    }
}

impl RedriveReport {
    /// Says how many dead letters were not looked at, if any are known.
    pub fn unseen_note(&self) -> Option<String> {
        match self.unseen? {
            0 => None,
            1 => Some("note: 1 dead letter could not be looked at now: try again later".to_owned()),
            n => {
                Some(format!("note: {n} dead letters could not be looked at now: try again later"))
            }
        }
    }
}
