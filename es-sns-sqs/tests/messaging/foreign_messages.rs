//! Messages that other programs have sent, with what this library does not send itself.

use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use es_core::{MessageQueue as _, NewMessage, Redrive, Topic as _};

use crate::support::scene::{SECOND, Scene, queue, topic};

const URL: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/p-billing";

fn value(data_type: &str) -> aws_sdk_sqs::types::builders::MessageAttributeValueBuilder {
    MessageAttributeValue::builder().data_type(data_type)
}

/// Sends a message with an attribute of every type.
async fn send_with_types(scene: &Scene) {
    let entry = SendMessageBatchRequestEntry::builder()
        .id("0")
        .message_body("theirs")
        .message_attributes("text", value("String.en").string_value("a").build().expect("a type"))
        .message_attributes("number", value("Number").string_value("1.0").build().expect("a type"))
        .message_attributes(
            "bytes",
            value("Binary").binary_value(Blob::new([0, 255])).build().expect("a type"),
        );
    let entry = entry.build().expect("an id and a body");
    let request = scene.messaging.sqs().send_message_batch().queue_url(URL).entries(entry);
    request.send().await.expect("it is sent");
}

#[tokio::test]
async fn attributes_come_as_texts() {
    let scene = Scene::of_the_shop().await;
    send_with_types(&scene).await;
    let message = scene.receive_one(&queue("billing")).await;
    let attributes: Vec<_> =
        message.attributes.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(attributes, [("bytes", "AP8="), ("number", "1.0"), ("text", "a")]);
}

#[tokio::test]
async fn a_redriven_message_keeps_the_types_of_its_attributes() {
    let scene = Scene::with(7, |m| m.without_move_tasks(), |queues| queues, |topics| topics);
    scene.ensure(&crate::support::scene::shop()).await;
    send_with_types(&scene).await;
    let billing = queue("billing");
    for _ in 0..4 {
        scene.receive(&billing).await;
        scene.clock.advance(30 * SECOND);
    }
    let moved = scene.queues.redrive(&queue("dead"), Redrive::all()).await.expect("a redrive");
    assert_eq!(moved, 1);
    let request = scene.messaging.requests();
    let sent = request.iter().rev().find(|request| request.operation == "SendMessageBatch");
    let attributes = &sent.expect("it is sent").body["Entries"][0]["MessageAttributes"];
    for (name, data_type) in [("bytes", "Binary"), ("number", "Number"), ("text", "String.en")] {
        assert_eq!(attributes[name]["DataType"], data_type, "{name}");
    }
    assert_eq!(attributes["bytes"]["BinaryValue"], "AP8=");
}

#[tokio::test]
async fn a_number_is_published_as_one_and_wanted_as_text_too() {
    let scene = Scene::of_the_shop().await;
    let orders = topic("orders");
    // The filter: ["1", {"numeric": [">", 5]}].
    for items in ["1", "1.0", "2", "6", "1e1", "one"] {
        let message = NewMessage::new(items).attribute("kind", "placed").attribute("items", items);
        scene.topics.publish(&orders, message).await.expect("it is published");
    }
    let mut bodies = scene.bodies(&queue("billing")).await;
    bodies.sort();
    assert_eq!(bodies, ["1", "1.0", "1e1", "6"]);
    let told = scene.topics.subscriptions(&orders).await.expect("subscriptions");
    let shop = crate::support::scene::shop();
    let expected: Vec<_> = shop.subscriptions().filter(|(of, ..)| **of == orders).collect();
    let told: Vec<_> = told.iter().map(|told| (&orders, &told.queue, &told.filter)).collect();
    assert_eq!(told, expected);
}
