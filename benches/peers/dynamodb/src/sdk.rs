//! What a program does that has no library: an item for each event, of its stream, its number, its kind and its JSON.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use es_benches::driver::{Failure, Peer};
use es_benches::floor;
use es_benches::order::{Order, OrderEvent};
use es_benches::recorded::Recorded;
use es_benches::workload::Workload;
use es_core::{Codec, Event as _};

const TABLE: &str = "events";

pub(crate) struct Plain(Client);

impl Peer for Plain {
    type Command = ();

    async fn open() -> Result<Self, Failure> {
        let recorded = Recorded::new()?;
        recorded.create_table(TABLE, "stream", Some("number")).await?;
        Ok(Self(recorded.client()))
    }

    fn command(_id: &str, _events: Vec<OrderEvent>) {}

    async fn fill(&mut self, id: &str, events: Vec<OrderEvent>) -> Result<(), Failure> {
        for (number, event) in events.iter().enumerate() {
            let mut payload = Vec::new();
            event.encode(Codec::Json, &mut payload)?;
            let item = self
                .0
                .put_item()
                .table_name(TABLE)
                .item("stream", text(id))
                .item("number", AttributeValue::N(number.to_string()))
                .item("kind", text(event.name()))
                .item("payload", AttributeValue::B(Blob::new(payload)));
            item.send().await?;
        }
        Ok(())
    }

    async fn execute(&mut self, _id: &str, (): ()) -> Result<(), Failure> {
        Err("nothing is written".into())
    }

    async fn load(&mut self, id: &str) -> Result<Order, Failure> {
        let (mut order, mut after) = (Order::default(), None);
        loop {
            let query = self
                .0
                .query()
                .table_name(TABLE)
                .consistent_read(true)
                .key_condition_expression("#stream = :stream")
                .expression_attribute_names("#stream", "stream")
                .expression_attribute_values(":stream", text(id))
                .set_exclusive_start_key(after);
            let page = query.send().await?;
            for item in page.items() {
                let (Some(Ok(kind)), Some(Ok(payload))) = (
                    item.get("kind").map(AttributeValue::as_s),
                    item.get("payload").map(AttributeValue::as_b),
                ) else {
                    return Err("an item without an event".into());
                };
                order.fold(&floor::decode(payload.as_ref(), kind == "Order:ItemsAdded"));
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(order);
            }
        }
    }

    fn cannot(workload: Workload) -> Option<&'static str> {
        crate::only_reads(workload)
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
