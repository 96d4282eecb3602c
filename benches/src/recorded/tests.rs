use aws_sdk_dynamodb::types::AttributeValue;
use tokio::runtime::Runtime;

use super::*;

/// Events in a stream, and where a query may begin.
async fn query(client: &Client, first: &str) -> usize {
    let query = client
        .query()
        .table_name("events")
        .key_condition_expression("#stream = :stream AND #number >= :first")
        .expression_attribute_names("#stream", "stream")
        .expression_attribute_names("#number", "number")
        .expression_attribute_values(":stream", AttributeValue::S("o-1".to_owned()))
        .expression_attribute_values(":first", AttributeValue::N(first.to_owned()));
    query.send().await.expect("an answer").items().len()
}

async fn put(client: &Client, number: &str) {
    let item = client
        .put_item()
        .table_name("events")
        .item("stream", AttributeValue::S("o-1".to_owned()))
        .item("number", AttributeValue::N(number.to_owned()));
    item.send().await.expect("a table");
}

#[test]
fn what_was_answered_once_is_answered_without_the_database() {
    Runtime::new().expect("threads").block_on(async {
        let recorded = Recorded::new().expect("a database");
        recorded.create_table("events", "stream", Some("number")).await.expect("a table");
        let client = recorded.client();
        put(&client, "1").await;
        assert_eq!(query(&client, "1").await, 1);
        let reached = recorded.reached();
        // Often, as maps are written in another order each time.
        for _ in 0..16 {
            assert_eq!(query(&client, "1").await, 1);
        }
        assert_eq!(recorded.reached(), reached);
        assert_eq!(query(&client, "2").await, 0, "another question has another answer");
        assert_eq!(recorded.reached(), reached + 1);
        // Who asks what a table is like changes no item.
        client.describe_table().table_name("events").send().await.expect("the table");
        assert_eq!(query(&client, "1").await, 1);
        assert_eq!(recorded.reached(), reached + 2);
    });
}

#[test]
fn a_write_is_in_the_next_answer() {
    Runtime::new().expect("threads").block_on(async {
        let recorded = Recorded::new().expect("a database");
        recorded.create_table("events", "stream", Some("number")).await.expect("a table");
        let client = recorded.client();
        assert_eq!(query(&client, "1").await, 0);
        put(&client, "1").await;
        assert_eq!(query(&client, "1").await, 1);
    });
}
