//! Requests that ask for less, and answers that say it otherwise.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Map, Value, json};

/// A request or an answer in DynamoDB's JSON.
pub(super) struct Body(pub(super) Value);

impl Body {
    /// Makes the page that is asked for end after `most` items at the latest.
    pub(super) fn shorten_page(&mut self, most: u64) {
        let asked = self.0["Limit"].as_u64().unwrap_or(u64::MAX);
        self.0["Limit"] = json!(asked.min(most));
    }

    /// Makes a transaction one that the server has not seen yet.
    pub(super) fn change_token(&mut self, token: u64) {
        self.0["ClientRequestToken"] = json!(format!("forgotten-{token}"));
    }

    /// Takes a part of what a batch asks for out of it: at least one, never all, and nothing of a batch
    /// of one. Returns it per table.
    pub(super) fn hold_back_a_part(&mut self, rng: &mut fastrand::Rng) -> Map<String, Value> {
        let mut held = Map::new();
        let tables = self.0["RequestItems"].as_object_mut().expect("a batch names tables");
        for (table, asked) in tables {
            // Of reads the keys are in an object with the options of the read; of writes not.
            let mut rest = asked.clone();
            let (items, rest_items) = match asked {
                Value::Object(asked) => (&mut asked["Keys"], &mut rest["Keys"]),
                asked => (asked, &mut rest),
            };
            let items = items.as_array_mut().expect("a batch lists its items");
            if items.len() < 2 {
                continue;
            }
            rng.shuffle(items);
            let kept = rng.usize(1..items.len());
            *rest_items = items.split_off(kept).into();
            held.insert(table.clone(), rest);
        }
        held
    }

    /// Says what was not asked for to be unprocessed.
    pub(super) fn give_back_unprocessed(&mut self, held: Map<String, Value>) {
        let answer = self.0.as_object_mut().expect("an answer is an object");
        // Only reads answer with items.
        let reads = answer.contains_key("Responses");
        let name = if reads { "UnprocessedKeys" } else { "UnprocessedItems" };
        let unprocessed = answer.entry(name).or_insert_with(|| json!({}));
        unprocessed.as_object_mut().expect("it is per table").extend(held);
    }
}

/// The records that a stream has delivered.
///
/// A stream has one order, which all its readers see. So when records change places, they do it once,
/// before they are seen for the first time: then the changes themselves move, and the sequence numbers
/// stay where they are, growing, as a worker that begins anew behind one of them relies on.
#[derive(Default)]
pub(super) struct StreamHistory {
    /// What stands at which sequence number, with that number in it.
    delivered: BTreeMap<String, Value>,
}

impl StreamHistory {
    pub(super) fn disturb(
        &mut self,
        answer: &mut Body,
        rng: &mut fastrand::Rng,
        reorder: bool,
        repeat: bool,
    ) {
        let Some(records) = answer.0["Records"].as_array_mut() else { return };
        self.settle(records, rng, reorder);
        if repeat && !self.delivered.is_empty() {
            for _ in 0..rng.usize(1..=4) {
                let which = rng.usize(..self.delivered.len());
                let record = self.delivered.values().nth(which).cloned().unwrap_or_default();
                records.insert(rng.usize(..=records.len()), record);
            }
        }
    }

    /// Puts every record where it was seen before, and the new ones in an order that stays.
    fn settle(&mut self, records: &mut [Value], rng: &mut fastrand::Rng, reorder: bool) {
        let mut new = Vec::new();
        for (index, record) in records.iter_mut().enumerate() {
            match self.delivered.get(&sequence_number(record)) {
                Some(delivered) => *record = delivered.clone(),
                None => new.push(index),
            }
        }
        if reorder {
            shuffle(records, &new, rng);
        }
        for index in new {
            let record = &records[index];
            self.delivered.insert(sequence_number(record), record.clone());
        }
    }
}

/// Lets the records at `places` change them; those of one item stay in their order, and the sequence
/// numbers stay where they are.
fn shuffle(records: &mut [Value], places: &[usize], rng: &mut fastrand::Rng) {
    let numbers: Vec<_> = places.iter().map(|place| sequence_number(&records[*place])).collect();
    let mut items: Vec<_> = places.iter().map(|place| item(&records[*place])).collect();
    let mut of_item: HashMap<String, VecDeque<Value>> = HashMap::new();
    for place in places {
        of_item.entry(item(&records[*place])).or_default().push_back(records[*place].take());
    }
    rng.shuffle(&mut items);
    for ((place, item), number) in places.iter().zip(items).zip(numbers) {
        let next = of_item.get_mut(&item).and_then(VecDeque::pop_front);
        records[*place] = next.expect("every item has as many places as records");
        records[*place]["dynamodb"]["SequenceNumber"] = json!(number);
    }
}

/// What names the item that a record is of.
fn item(record: &Value) -> String {
    record["dynamodb"]["Keys"].to_string()
}

fn sequence_number(record: &Value) -> String {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned()
}
