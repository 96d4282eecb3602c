//! Counts requests and consumed capacity, once for all operations: an interceptor in the SDK's clients.

use std::slice;

use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput};
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemInput, DeleteItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::scan::{ScanInput, ScanOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemInput, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef, Input, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use es_core::Cost;

use crate::telemetry;

/// The same client, whose requests are counted as those of a [`DynamoStore`](crate::DynamoStore): as
/// [metrics](crate::telemetry), and by [`Cost::of`](es_core::Cost::of). For what a program asks beside the
/// store, as queries of a view's table.
pub fn metered(client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
    let config = client.config().to_builder().interceptor(Metering).build();
    aws_sdk_dynamodb::Client::from_conf(config)
}

/// Asks for the consumed capacity of every request, and tells it to the metrics recorder and to the
/// [`Cost`] that is measured around the caller.
#[derive(Debug)]
pub(crate) struct Metering;

#[dyn_dispatch_hint]
impl Intercept for Metering {
    fn name(&self) -> &'static str {
        "Metering"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        ask_for_capacity(context.input_mut());
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if es_aws::is_sent_again(cfg) {
            Cost { retries: 1, ..Cost::default() }.charge();
            metrics::counter!(telemetry::RETRIES, "operation" => operation(cfg)).increment(1);
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(asks_to_slow_down) {
            Cost { throttles: 1, ..Cost::default() }.charge();
            metrics::counter!(telemetry::THROTTLES, "operation" => operation(cfg)).increment(1);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = operation(cfg);
        Cost { requests: 1, ..Cost::default() }.charge();
        let consumed = match context.output_or_error() {
            Some(Ok(output)) => Consumed::of(output),
            // Nothing is told about a request that failed.
            Some(Err(_)) | None => Consumed::default(),
        };
        if consumed.tables.is_empty() {
            metrics::counter!(telemetry::REQUESTS, "operation" => operation).increment(1);
            return Ok(());
        }
        for table in consumed.tables {
            let name = table.table_name().unwrap_or_default().to_owned();
            let labels = [("operation", operation.clone()), ("table", name)];
            metrics::counter!(telemetry::REQUESTS, &labels).increment(1);
            let units = table.capacity_units().unwrap_or_default();
            let (charge, counter) = if consumed.writes {
                (Cost { write_units: units, ..Cost::default() }, telemetry::WRITE_MILLIUNITS)
            } else {
                (Cost { read_units: units, ..Cost::default() }, telemetry::READ_MILLIUNITS)
            };
            charge.charge();
            metrics::counter!(counter, &labels).increment((units * 1000.0).round() as u64);
        }
        Ok(())
    }
}

fn operation(cfg: &ConfigBag) -> String {
    cfg.load::<Metadata>().map(|metadata| metadata.name().to_owned()).unwrap_or_default()
}

/// Whether an answer is one of DynamoDB's ways to refuse for being asked too much, in a transaction too.
fn asks_to_slow_down(response: &HttpResponse) -> bool {
    const SLOW_DOWN: [&[u8]; 3] =
        [b"Throttling", b"ProvisionedThroughputExceeded", b"RequestLimitExceeded"];
    if response.status().is_success() {
        return false;
    }
    // The error's type is at the beginning; an item that is returned with it may be large.
    let body = response.body().bytes().unwrap_or_default();
    let beginning = &body[..body.len().min(2048)];
    SLOW_DOWN.iter().any(|name| beginning.windows(name.len()).any(|part| part == *name))
}

fn ask_for_capacity(input: &mut Input) {
    macro_rules! ask {
        ($($operation:ty),+) => { $(
            if let Some(input) = input.downcast_mut::<$operation>() {
                input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
                return;
            }
        )+ };
    }
    ask!(
        GetItemInput,
        PutItemInput,
        QueryInput,
        BatchGetItemInput,
        TransactWriteItemsInput,
        UpdateItemInput,
        DeleteItemInput,
        BatchWriteItemInput,
        ScanInput
    );
}

/// What an answer says to have consumed, per table.
#[derive(Default)]
struct Consumed<'a> {
    tables: &'a [ConsumedCapacity],
    writes: bool,
}

impl<'a> Consumed<'a> {
    fn of(output: &'a Output) -> Self {
        macro_rules! find {
            ($($operation:ty, $tables:expr, $writes:expr;)+) => { $(
                if let Some(output) = output.downcast_ref::<$operation>() {
                    let tables: fn(&'a $operation) -> &'a [ConsumedCapacity] = $tables;
                    return Self { tables: tables(output), writes: $writes };
                }
            )+ };
        }
        fn one(capacity: Option<&ConsumedCapacity>) -> &[ConsumedCapacity] {
            capacity.map(slice::from_ref).unwrap_or_default()
        }
        find! {
            GetItemOutput, |output| one(output.consumed_capacity()), false;
            QueryOutput, |output| one(output.consumed_capacity()), false;
            ScanOutput, |output| one(output.consumed_capacity()), false;
            BatchGetItemOutput, |output| output.consumed_capacity(), false;
            PutItemOutput, |output| one(output.consumed_capacity()), true;
            UpdateItemOutput, |output| one(output.consumed_capacity()), true;
            DeleteItemOutput, |output| one(output.consumed_capacity()), true;
            TransactWriteItemsOutput, |output| output.consumed_capacity(), true;
            BatchWriteItemOutput, |output| output.consumed_capacity(), true;
        }
        Self::default()
    }
}
