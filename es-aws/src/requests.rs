//! How many requests were made.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use es_core::Cost;

/// Tells every request to the metrics recorder and to the [`Cost`] that is measured around the caller: once,
/// however often the SDK sends it.
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
