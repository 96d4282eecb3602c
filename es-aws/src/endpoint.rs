//! Where requests go, for errors.

use std::sync::{Arc, OnceLock};

use aws_config::Region;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

/// The endpoint of a client, as its requests have it. The SDK finds it in one of many places, the
/// environment and the configuration files among them, and tells it nowhere else.
///
/// It is an interceptor: a client whose configuration has it tells it with the first request.
#[derive(Debug, Clone, Default)]
pub struct Endpoint(Arc<OnceLock<String>>);

impl Endpoint {
    /// As `https://dynamodb.eu-central-1.amazonaws.com`; `None` before the first request.
    pub fn seen(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Where requests to `service` go, as well as it is known: what was seen, or else what the program
    /// has `configured`, or else the region.
    pub fn place(
        &self,
        service: &str,
        configured: Option<&str>,
        region: Option<&Region>,
    ) -> String {
        match (self.seen().or(configured), region) {
            (Some(endpoint), _) => endpoint.to_owned(),
            (None, Some(region)) => format!("{service} in {region}"),
            (None, None) => format!("{service} (no region is configured)"),
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for Endpoint {
    fn name(&self) -> &'static str {
        "Endpoint"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.get_or_init(|| without_path(context.request().uri()).to_owned());
        Ok(())
    }
}

fn without_path(uri: &str) -> &str {
    let authority = uri.find("://").map_or(0, |scheme| scheme + 3);
    let path = uri[authority..].find('/').map_or(uri.len(), |path| authority + path);
    &uri[..path]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_scheme_host_and_port() {
        for (uri, endpoint) in [
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            (
                "https://dynamodb.eu-central-1.amazonaws.com/",
                "https://dynamodb.eu-central-1.amazonaws.com",
            ),
            ("http://localhost", "http://localhost"),
            ("localhost/a/b", "localhost"),
        ] {
            assert_eq!(without_path(uri), endpoint);
        }
    }
}
