//! Whether a service may have done what it did not answer: an interceptor in single calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// Looks at every attempt of one call: the error that the call ends with is that of the last one, and an
/// earlier one can have had its effect. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doubt(Arc<AtomicBool>);

impl Doubt {
    /// Whether any attempt ended without an answer that says what was done.
    pub(crate) fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Doubt {
    fn name(&self) -> &'static str {
        "Doubt"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_clear = context.response().is_some_and(|response| {
            match response.status().as_u16() {
                200..=299 => context.output_or_error().is_some_and(|output| output.is_ok()),
                // Refused, or not even begun.
                400..=499 | 503 => true,
                _ => false,
            }
        });
        if !is_clear {
            self.0.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
