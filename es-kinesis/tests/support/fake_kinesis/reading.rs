//! `GetShardIterator` and `GetRecords`.

use serde_json::{Value, json};

use super::asked::Asked;
use super::model::Model;
use super::moment::Moment;
use super::options::BehindHorizon;
use super::refusal::Refusal;
use super::sequence_number::SequenceNumber;
use super::shard::{self, Position, Record, Shard};
use super::stream::ACCOUNT;
use super::token;

/// How long an iterator is good.
const ITERATOR_MILLIS: i64 = 300_000;
const MOST_RECORDS: i64 = 10_000;

/// What an iterator knows. The server does not: the same one can be used again.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) stream: String,
    pub(super) shard: String,
    position: Position,
    /// How many answers without records are to come first.
    empty_answers: u64,
}

impl Model {
    pub(super) fn get_shard_iterator(
        &mut self,
        asked: Asked<'_>,
        now: Moment,
    ) -> Result<Value, Refusal> {
        let (name, id) = (asked.stream()?.to_owned(), asked.text("ShardId")?.to_owned());
        let start = Start {
            kind: asked.text("ShardIteratorType")?,
            number: asked.optional_text("StartingSequenceNumber"),
            millis: asked.optional_millis("Timestamp"),
        };
        let position = self.position(&name, &id, &start, now)?;
        let empty_answers = self.options.empty_answers;
        let place = Place { stream: name, shard: id, position, empty_answers };
        Ok(json!({ "ShardIterator": place.sealed(now) }))
    }

    /// Where a reader of a shard begins who asks like this.
    pub(super) fn position(
        &mut self,
        stream: &str,
        shard: &str,
        start: &Start<'_>,
        now: Moment,
    ) -> Result<Position, Refusal> {
        let behind_horizon = self.options.behind_horizon;
        let stream = self.stream_mut(stream, now)?;
        let name = stream.name.clone();
        let shard = stream.shard(shard, now)?;
        match start.kind {
            "TRIM_HORIZON" => start.without_number().map(|()| shard.horizon()),
            "LATEST" => start.without_number().map(|()| shard.tip()),
            "AT_TIMESTAMP" => Ok(shard.position_at(start.moment(now)?)),
            "AT_SEQUENCE_NUMBER" => start.number_in(&name, shard, behind_horizon).map(Position::At),
            "AFTER_SEQUENCE_NUMBER" => {
                start.number_in(&name, shard, behind_horizon).map(Position::After)
            }
            other => Err(Refusal::malformed(format!("{other} is no type of shard iterator"))),
        }
    }

    pub(super) fn get_records(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let limit = limit(asked)?.min(self.options.records_per_answer);
        let mut place = Place::opened(asked.text("ShardIterator")?, now)?;
        let options = self.options.clone();
        let stream = self.stream_mut(&place.stream, now)?;
        let shard = stream.shard(&place.shard, now)?;
        if options.read_limits && !shard.throughput.answers(now.millis) {
            return Err(Refusal::throttled(format!(
                "Rate exceeded for shard {} in stream {} under account {ACCOUNT}.",
                place.shard, place.stream
            )));
        }
        let has_records = place.empty_answers == 0;
        let records = batch(
            shard,
            &place.position,
            if has_records { limit } else { 0 },
            options.bytes_per_answer,
        );
        shard.throughput.gave(records.iter().map(Record::size).sum(), now.millis);
        place.pass(&records, options.empty_answers);
        let behind = millis_behind(shard, &place.position, now);
        let end_may_come = has_records && (records.is_empty() || !options.end_comes_alone);
        let mut answer = json!({
            "Records": records.iter().map(Record::description).collect::<Vec<_>>(),
            "MillisBehindLatest": behind,
        });
        if end_may_come && is_end(shard, &place.position) {
            answer["ChildShards"] = stream.children_of(&place.shard);
        } else {
            answer["NextShardIterator"] = place.sealed(now).into();
        }
        Ok(answer)
    }
}

/// From where a reader wants to begin.
pub(super) struct Start<'a> {
    pub(super) kind: &'a str,
    pub(super) number: Option<&'a str>,
    pub(super) millis: Option<i64>,
}

impl Start<'_> {
    fn without_number(&self) -> Result<(), Refusal> {
        match self.number {
            None => Ok(()),
            Some(_) => Err(self.unfitting("also a")),
        }
    }

    /// The number, if it is one of this shard from which a reader can begin.
    fn number_in(
        &self,
        stream: &str,
        shard: &Shard,
        behind_horizon: BehindHorizon,
    ) -> Result<SequenceNumber, Refusal> {
        let given = self.number.ok_or_else(|| self.unfitting("no"))?;
        let id = shard.id();
        let invalid = |why: &str| {
            Refusal::invalid(format!(
                "StartingSequenceNumber {given} used in GetShardIterator on shard {id} in stream \
                 {stream} under account {ACCOUNT} is invalid{why}"
            ))
        };
        let number = SequenceNumber::parse(given).ok_or_else(|| invalid("."))?;
        let encoded = shard::id(number.shard());
        if encoded != id {
            return Err(Refusal::invalid(format!(
                "Invalid StartingSequenceNumber. It encodes {encoded}, while it was used in a call to a \
                 shard with {id}"
            )));
        }
        if !number.is_of_the_shard_of(&shard.first_number()) {
            return Err(invalid(" because it did not come from this stream."));
        }
        if behind_horizon == BehindHorizon::Refused && shard.is_trimmed(&number) {
            return Err(invalid(" because it is behind the trim horizon."));
        }
        Ok(number)
    }

    fn moment(&self, now: Moment) -> Result<Moment, Refusal> {
        let millis = self.millis.ok_or_else(|| Refusal::invalid("Timestamp must be provided."))?;
        if millis > now.millis {
            return Err(Refusal::invalid(format!(
                "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
                 timestampInMillis: {millis}, currentTimestampInMillis: {}",
                now.millis
            )));
        }
        Ok(Moment::begin_of(millis))
    }

    fn unfitting(&self, number: &str) -> Refusal {
        Refusal::invalid(format!(
            "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \
             StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request \
             specified {} and {number} StartingSequenceNumber.",
            self.kind
        ))
    }
}

impl Place {
    fn sealed(&self, now: Moment) -> String {
        let Self { stream, shard, position, empty_answers } = self;
        let is_after = matches!(position, Position::After(_));
        let number = position.number().as_str();
        token::seal(&json!([now.millis, stream, shard, is_after, number, empty_answers]))
    }

    pub(super) fn opened(iterator: &str, now: Moment) -> Result<Self, Refusal> {
        let opened = token::open(iterator).and_then(|content| serde_json::from_value(content).ok());
        let invalid = || Refusal::invalid("Invalid ShardIterator.");
        let (issued, stream, shard, is_after, number, empty_answers): (i64, _, _, _, String, _) =
            opened.ok_or_else(invalid)?;
        if now.millis - issued > ITERATOR_MILLIS {
            return Err(expired());
        }
        let number = SequenceNumber::parse(&number).ok_or_else(invalid)?;
        let position = if is_after { Position::After(number) } else { Position::At(number) };
        Ok(Self { stream, shard, position, empty_answers })
    }

    /// Goes behind what was answered.
    fn pass(&mut self, records: &[Record], empty_answers: u64) {
        match records.last() {
            Some(last) => {
                self.position = Position::After(last.sequence_number.clone());
                self.empty_answers = empty_answers;
            }
            None => self.empty_answers = self.empty_answers.saturating_sub(1),
        }
    }
}

/// The records from a position on, as many as an answer can have.
pub(super) fn batch(
    shard: &Shard,
    position: &Position,
    limit: usize,
    most_bytes: usize,
) -> Vec<Record> {
    let mut bytes = 0;
    let records = shard.records_from(position).take(limit);
    let fitting = records.take_while(|record| {
        let is_first = bytes == 0;
        bytes += record.size();
        is_first || bytes <= most_bytes
    });
    fitting.cloned().collect()
}

/// How old the next record is, and nothing only if there is none.
pub(super) fn millis_behind(shard: &Shard, position: &Position, now: Moment) -> i64 {
    let next = shard.records_from(position).next();
    next.map_or(0, |next| next.arrived.millis_until(now).max(1))
}

/// Whether nothing comes behind a position any more.
pub(super) fn is_end(shard: &Shard, position: &Position) -> bool {
    !shard.is_open() && shard.records_from(position).next().is_none()
}

/// That an iterator is too old.
pub(super) fn expired() -> Refusal {
    Refusal::new(
        "ExpiredIteratorException",
        format!(
            "Iterator expired. It was created further in the past than the tolerated delay of \
             {ITERATOR_MILLIS} milliseconds."
        ),
    )
}

fn limit(asked: Asked<'_>) -> Result<usize, Refusal> {
    let limit = asked.optional_number("Limit").unwrap_or(MOST_RECORDS);
    let valid = Some(limit).filter(|limit| (1..=MOST_RECORDS).contains(limit));
    let valid = valid.and_then(|limit| usize::try_from(limit).ok());
    valid.ok_or_else(|| Refusal::invalid(format!("Limit {limit} is not from 1 to {MOST_RECORDS}")))
}
