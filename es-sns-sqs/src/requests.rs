//! Counts requests: an interceptor in the clients of the SDK.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use es_core::Cost;

use crate::telemetry;

/// Tells every request to the metrics recorder and to the [`Cost`] that is measured around the caller.
#[derive(Debug)]
pub(crate) struct Requests {
    service: &'static str,
}

impl Requests {
    /// Of a service, as "SQS".
    pub(crate) fn of(service: &'static str) -> Self {
        Self { service }
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
        let labels = [("service", self.service.to_owned()), ("operation", operation)];
        metrics::counter!(telemetry::REQUESTS, &labels).increment(1);
        Ok(())
    }
}
