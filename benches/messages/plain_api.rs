//! SNS and SQS on a local server: what the plain API does, and what comes of it through the framework.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_sns::types::PublishBatchRequestEntry;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use comfy_table::Table;
use es_core::memory::MemoryIdempotency;
use es_core::{IdempotencyStore, cloud_events::CloudEvent};
use es_sns_sqs::{SnsTopics, SqsQueues};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::flow::{self, Measured};
use crate::place::Place;
use crate::{AnyError, row};

const MESSAGES: usize = 5_000;

/// The server that `cargo xtask throughput` has started.
pub(crate) fn endpoint() -> Option<String> {
    std::env::var("ES_BENCH_ENDPOINT_SNS_SQS").ok()
}

/// A topic and a queue of their own.
pub(crate) async fn place(endpoint: &str) -> Result<Place, AnyError> {
    let prefix = fresh_prefix();
    let queues = SqsQueues::builder().local_endpoint(endpoint).name_prefix(&prefix);
    let queues = queues.connect().await?;
    let topics = SnsTopics::builder(&queues).connect().await?;
    // In memory, so that the rows are about SNS and SQS.
    let records: Arc<dyn IdempotencyStore> = Arc::new(MemoryIdempotency::default());
    let (topics, queues) = (Arc::new(topics), Arc::new(queues));
    let place = Place::new("SNS and SQS", topics, queues, records, MESSAGES, None);
    place.set_up().await?;
    Ok(place)
}

pub(crate) async fn rows(table: &mut Table, endpoint: &str) -> Result<(), AnyError> {
    let place = place(endpoint).await?;
    let plain = Plain::new(endpoint).await?;
    let put = plain.publish().await?;
    let calls = "ten per request, 4 at a time (the floor)";
    row(table, &format!("SNS: PublishBatch, {calls}"), put, put);
    let got = plain.consume().await?;
    row(table, &format!("SQS: ReceiveMessage and DeleteMessageBatch, {calls}"), got, got);
    row(table, "SNS: published by a MessageSender", flow::publish(&place).await?, put);
    row(table, "SQS: consumed by a QueueConsumer", flow::consume(&place, None).await?, got);
    let all = flow::all_the_way(&place).await?;
    row(table, "SNS and SQS: published, consumed and acknowledged at a time", all, got);
    Ok(())
}

fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("bench-{}-{}-", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A topic and a queue, asked by the plain API.
struct Plain {
    sns: aws_sdk_sns::Client,
    sqs: aws_sdk_sqs::Client,
    topic: String,
    queue: String,
}

impl Plain {
    async fn new(endpoint: &str) -> Result<Self, AnyError> {
        let connection = es_aws::Connection {
            endpoint_url: Some(endpoint.to_owned()),
            is_local: true,
            ..es_aws::Connection::default()
        };
        let config = connection.sdk_config().await;
        let (sns, sqs) = (aws_sdk_sns::Client::new(&config), aws_sdk_sqs::Client::new(&config));
        let name = fresh_prefix();
        let queue = sqs.create_queue().queue_name(&name).send().await?;
        let queue = queue.queue_url.ok_or("the queue has no URL")?;
        let topic = sns.create_topic().name(&name).send().await?;
        let topic = topic.topic_arn.ok_or("the topic has no ARN")?;
        let arn = aws_sdk_sqs::types::QueueAttributeName::QueueArn;
        let attributes = sqs.get_queue_attributes().queue_url(&queue).attribute_names(arn.clone());
        let attributes = attributes.send().await?.attributes.unwrap_or_default();
        let endpoint = attributes.get(&arn).ok_or("the queue has no ARN")?;
        let subscribe = sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(endpoint);
        subscribe.attributes("RawMessageDelivery", "true").send().await?;
        Ok(Self { sns, sqs, topic, queue })
    }

    async fn publish(&self) -> Result<Measured, AnyError> {
        let messages = crate::place::events(MESSAGES)?;
        let bodies: Vec<String> =
            messages.iter().map(CloudEvent::to_json).collect::<es_core::Result<_>>()?;
        Measured::of(MESSAGES, async {
            stream::iter(bodies.chunks(10))
                .map(|bodies| async move {
                    let entry = |(n, body): (usize, &String)| {
                        let entry = PublishBatchRequestEntry::builder().id(n.to_string());
                        entry.message(body).build()
                    };
                    let entries: Result<Vec<_>, _> = bodies.iter().enumerate().map(entry).collect();
                    let request = self.sns.publish_batch().topic_arn(&self.topic);
                    request.set_publish_batch_request_entries(Some(entries?)).send().await?;
                    Ok::<_, AnyError>(())
                })
                .buffer_unordered(4)
                .try_collect::<()>()
                .await
        })
        .await
        .map(|measured| Measured { requests: MESSAGES as u64 / 10, ..measured })
    }

    async fn consume(&self) -> Result<Measured, AnyError> {
        let (left, requests) = (&AtomicUsize::new(MESSAGES), &AtomicUsize::new(0));
        let receiver = || async move {
            while left.load(Ordering::Relaxed) > 0 {
                let receive = self.sqs.receive_message().queue_url(&self.queue);
                let received = receive.max_number_of_messages(10).send().await?;
                requests.fetch_add(1, Ordering::Relaxed);
                let received = received.messages.unwrap_or_default();
                if received.is_empty() {
                    continue;
                }
                left.fetch_sub(received.len(), Ordering::Relaxed);
                let entry = |(n, message): (usize, aws_sdk_sqs::types::Message)| {
                    let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                    entry.set_receipt_handle(message.receipt_handle).build()
                };
                let entries: Result<Vec<_>, _> =
                    received.into_iter().enumerate().map(entry).collect();
                let delete = self.sqs.delete_message_batch().queue_url(&self.queue);
                delete.set_entries(Some(entries?)).send().await?;
                requests.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, AnyError>(())
        };
        let measured = Measured::of(MESSAGES, async {
            futures::try_join!(receiver(), receiver(), receiver(), receiver())?;
            Ok(())
        })
        .await?;
        Ok(Measured { requests: requests.load(Ordering::Relaxed) as u64, ..measured })
    }
}
