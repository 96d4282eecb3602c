//! `ListShards`.

use serde_json::{Value, json};

use super::asked::Asked;
use super::model::Model;
use super::moment::Moment;
use super::refusal::Refusal;
use super::shard::Shard;
use super::stream::Stream;
use super::token;

/// How long the token of a page is good.
const TOKEN_MILLIS: i64 = 300_000;

/// Which shards are asked for, and behind which one of them the page begins.
struct Listing {
    stream: String,
    filter: Value,
    after: Option<String>,
}

impl Model {
    pub(super) fn list_shards(&mut self, asked: Asked<'_>, now: Moment) -> Result<Value, Refusal> {
        let Listing { stream: name, filter, after } = listing(asked, now)?;
        let most = asked.optional_number("MaxResults").unwrap_or(i64::MAX);
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.options.shards_per_page);
        let stream = self.stream_mut(&name, now)?;
        let listed = stream.shards(now);
        let mut listed = filtered(stream, listed, Asked(&filter), now)?
            .into_iter()
            .filter(|shard| after.as_ref().is_none_or(|after| shard.id() > *after))
            .peekable();
        let page: Vec<_> = listed.by_ref().take(most).collect();
        let mut answer = json!({
            "Shards": page.iter().map(|shard| shard.description()).collect::<Vec<_>>(),
        });
        if let Some(last) = listed.peek().and(page.last()) {
            let next = json!([now.millis, name, filter, last.id()]);
            answer["NextToken"] = token::seal(&next).into();
        }
        Ok(answer)
    }
}

fn listing(asked: Asked<'_>, now: Moment) -> Result<Listing, Refusal> {
    let Some(next) = asked.optional_text("NextToken") else {
        let filter = asked.optional_object("ShardFilter");
        return Ok(Listing {
            stream: asked.stream()?.to_owned(),
            filter: filter.map_or(Value::Null, |filter| filter.0.clone()),
            after: asked.optional_text("ExclusiveStartShardId").map(str::to_owned),
        });
    };
    let others = ["StreamName", "ExclusiveStartShardId", "ShardFilter"];
    if let Some(other) = others.iter().find(|name| asked.0.get(**name).is_some()) {
        return Err(Refusal::invalid(format!(
            "NextToken and {other} cannot be provided together."
        )));
    }
    let content = token::open(next).and_then(|content| serde_json::from_value(content).ok());
    let content = content.ok_or_else(|| Refusal::invalid("NextToken is invalid."))?;
    let (issued, stream, filter, after): (i64, _, _, _) = content;
    if now.millis - issued > TOKEN_MILLIS {
        return Err(Refusal::new("ExpiredNextTokenException", "NextToken is expired."));
    }
    Ok(Listing { stream, filter, after: Some(after) })
}

/// The shards that a filter lets through; without one, all.
fn filtered<'a>(
    stream: &Stream,
    shards: impl Iterator<Item = &'a Shard>,
    filter: Asked<'_>,
    now: Moment,
) -> Result<Vec<&'a Shard>, Refusal> {
    if filter.0.is_null() {
        return Ok(shards.collect());
    }
    let horizon = stream.horizon(now);
    let timestamp = || {
        let millis = filter.optional_millis("Timestamp");
        let millis = millis.ok_or_else(|| Refusal::invalid("Timestamp must be provided."))?;
        Ok::<_, Refusal>(Moment::end_of(millis).max(horizon))
    };
    Ok(match filter.text("Type")? {
        "FROM_TRIM_HORIZON" => shards.collect(),
        "AT_TRIM_HORIZON" => shards.filter(|shard| shard.was_open_at(horizon)).collect(),
        "AT_LATEST" => shards.filter(|shard| shard.is_open()).collect(),
        "AT_TIMESTAMP" => {
            let moment = timestamp()?;
            shards.filter(|shard| shard.was_open_at(moment)).collect()
        }
        "FROM_TIMESTAMP" => {
            let moment = timestamp()?;
            shards.filter(|it| it.closed.is_none_or(|closed| closed > moment)).collect()
        }
        "AFTER_SHARD_ID" => {
            let after = filter.text("ShardId")?;
            shards.filter(|shard| shard.id().as_str() > after).collect()
        }
        other => return Err(Refusal::malformed(format!("{other} is no type of filter"))),
    })
}
