//! How many requests were made.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use es_core::Cost;

/// Tells every request to the metrics recorder and to the [`Cost`] that is measured around the caller: once,
/// however often the SDK sends it. How often it was sent again is in the cost, too.
///
/// It is an interceptor: a client whose configuration has it is counted.
#[derive(Debug, Clone)]
pub struct Requests {
    counter: &'static str,
    of: (&'static str, String),
}

impl Requests {
    /// Counts with the metric `counter`, whose labels are this one, as `stream` and its name, and
    /// `operation`.
    pub fn counted(counter: &'static str, label: &'static str, value: impl Into<String>) -> Self {
        Self { counter, of: (label, value.into()) }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_sent_again(cfg) {
            Cost { retries: 1, ..Cost::default() }.charge();
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        Cost { requests: 1, ..Cost::default() }.charge();
        let operation = cfg.load::<Metadata>().map(|it| it.name().to_owned()).unwrap_or_default();
        let labels = [self.of.clone(), ("operation", operation)];
        metrics::counter!(self.counter, &labels).increment(1);
        Ok(())
    }
}

/// Whether the request was sent before. For interceptors, once before each attempt.
pub fn is_sent_again(cfg: &mut ConfigBag) -> bool {
    let is_sent_again = cfg.load::<WasSent>().is_some();
    cfg.interceptor_state().store_put(WasSent);
    is_sent_again
}

/// Stands in the state of a request that was sent.
#[derive(Debug, Clone, Copy)]
struct WasSent;

impl Storable for WasSent {
    type Storer = StoreReplace<Self>;
}
