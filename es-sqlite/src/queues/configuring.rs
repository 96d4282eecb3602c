//! The queues that there are, and how they are set up.

use std::time::Duration;

use es_core::{Error, QueueName, QueueOptions, RedrivePolicy, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Change, micros};
use crate::errors::{self, Fault};

pub(super) struct Queue {
    pub(super) id: i64,
    pub(super) name: QueueName,
    pub(super) options: QueueOptions,
}

impl Queue {
    /// Messages that came up to this time are too old.
    pub(super) fn too_old(&self, now: Timestamp) -> i64 {
        now.as_microsecond().saturating_sub(micros(self.options.retention))
    }
}

pub(super) fn configure(
    change: &Change<'_, '_>,
    queue: &QueueName,
    options: &QueueOptions,
) -> Result<(), Fault> {
    let policy = options.redrive_policy.as_ref();
    let dead_letter_queue = match policy {
        Some(policy) => {
            let known = queue_id(change.db, &policy.dead_letter_queue)?;
            Some(known.ok_or_else(|| options.no_dead_letter_queue(queue))?)
        }
        None => None,
    };
    change
        .db
        .prepare_cached(
            "INSERT INTO queues (name, visibility_timeout, retention, delay, max_message_size, \
             dead_letter_queue, max_receive_count) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (name) DO UPDATE SET visibility_timeout = excluded.visibility_timeout, \
             retention = excluded.retention, delay = excluded.delay, \
             max_message_size = excluded.max_message_size, \
             dead_letter_queue = excluded.dead_letter_queue, \
             max_receive_count = excluded.max_receive_count",
        )?
        .execute(params![
            queue.as_str(),
            micros(options.visibility_timeout),
            micros(options.retention),
            micros(options.delay),
            errors::signed(options.max_message_size as u64),
            dead_letter_queue,
            policy.map(|policy| policy.max_receive_count),
        ])?;
    Ok(())
}

fn queue_id(db: &Connection, queue: &QueueName) -> Result<Option<i64>, Fault> {
    let mut select = db.prepare_cached("SELECT id FROM queues WHERE name = ?1")?;
    Ok(select.query_row([queue.as_str()], |row| row.get(0)).optional()?)
}

/// The queue, or [`Error::NoSuchQueue`].
pub(super) fn find_queue(db: &Connection, name: &QueueName) -> Result<Queue, Fault> {
    let mut select = db.prepare_cached(
        "SELECT id, visibility_timeout, retention, delay, max_message_size, max_receive_count, \
         (SELECT name FROM queues AS dead WHERE dead.id = queues.dead_letter_queue) \
         FROM queues WHERE name = ?1",
    )?;
    let mut rows = select.query([name.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Queue { id: row.get(0)?, name: name.clone(), options: read_options(row)? }),
        None => Err(Error::NoSuchQueue { queue: name.clone() }.into()),
    }
}

fn read_options(row: &Row<'_>) -> Result<QueueOptions, Fault> {
    let duration = |column| -> Result<Duration, Fault> {
        let micros = errors::unsigned("a duration of a queue", row.get(column)?)?;
        Ok(Duration::from_micros(micros))
    };
    let redrive_policy = match (row.get::<_, Option<u32>>(5)?, row.get::<_, Option<String>>(6)?) {
        (Some(max_receive_count), Some(name)) => {
            Some(RedrivePolicy { dead_letter_queue: read_name(&name)?, max_receive_count })
        }
        _ => None,
    };
    let max_message_size = errors::unsigned("a limit of a queue", row.get(4)?)?;
    Ok(QueueOptions {
        visibility_timeout: duration(1)?,
        retention: duration(2)?,
        delay: duration(3)?,
        max_message_size: usize::try_from(max_message_size).unwrap_or(usize::MAX),
        redrive_policy,
    })
}

/// The name of a queue as it is stored.
pub(super) fn read_name(name: &str) -> Result<QueueName, Fault> {
    QueueName::new(name).map_err(|error| {
        let what = "the name of a queue".to_owned();
        Error::Corrupt { what, reason: error.to_string() }.into()
    })
}
