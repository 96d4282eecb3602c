//! How many messages are in the queues.

use serde_json::{Value, json};

use crate::{
    sandbox::{
        remains::last_part,
        requests::{Error, json},
    },
    servers::Place,
};

/// The queues of a stack, and what was last said of them.
#[derive(Debug)]
pub(super) struct Queues {
    prefix: String,
    last: String,
}

/// A queue, and how many messages it has.
#[derive(Debug)]
pub(super) struct Depth {
    pub(super) queue: String,
    pub(super) waiting: u64,
    pub(super) in_hand: u64,
}

impl Queues {
    pub(super) fn of(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned(), last: line(&[]) }
    }

    /// A line, if anything is as it was not before.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub(super) fn look(&mut self, place: &Place) -> Result<Option<String>, Error> {
        let listed = json!({ "QueueNamePrefix": self.prefix });
        let queues = json(place, "AmazonSQS.ListQueues", &listed)?;
        let mut depths = Vec::new();
        for url in queues["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let asked = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
            let answer = json(place, "AmazonSQS.GetQueueAttributes", &asked)?;
            depths.push(self.depth(url, &answer["Attributes"]));
        }
        let line = line(&depths);
        let has_changed = line != self.last;
        self.last.clone_from(&line);
        Ok(has_changed.then_some(line))
    }

    fn depth(&self, url: &str, attributes: &Value) -> Depth {
        let number = |name: &str| attributes[name].as_str().and_then(|text| text.parse().ok());
        let name = last_part(url);
        Depth {
            queue: name.strip_prefix(&self.prefix).unwrap_or(name).to_owned(),
            waiting: number("ApproximateNumberOfMessages").unwrap_or(0),
            in_hand: number("ApproximateNumberOfMessagesNotVisible").unwrap_or(0),
        }
    }
}

/// All queues that are not empty.
pub(super) fn line(depths: &[Depth]) -> String {
    let filled = depths.iter().filter(|depth| depth.waiting + depth.in_hand > 0);
    let filled = filled.map(|Depth { queue, waiting, in_hand }| match in_hand {
        0 => format!("{queue} {waiting}"),
        _ => format!("{queue} {waiting} and {in_hand} in hand"),
    });
    let filled: Vec<_> = filled.collect();
    match filled.as_slice() {
        [] => "queues    all are empty".to_owned(),
        _ => format!("queues    {}", filled.join(", ")),
    }
}
