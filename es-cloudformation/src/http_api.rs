//! An HTTP API of API Gateway in front of a function.

use serde_json::{Value, json};

use crate::key::key_arn;
use crate::names::{attribute, resource_name, text, with_prefix};

/// An HTTP API that hands every request to one function, in payload format 2.0: the routes are the function's own.
///
/// It writes an access log, and takes so many requests a second as the parameters `RequestsPerSecond` and `RequestsAtOnce` say. Who
/// may ask has to be said, by the parameter `Access`: everybody (`Open`), or who brings a token (JWT) of the `Issuer` for the
/// `Audience` (`Tokens`).
#[derive(Debug, Clone)]
#[must_use = "an API is in a stack once it is given to `Stack::http_api`"]
pub struct HttpApi {
    function: String,
    open: Vec<String>,
    origins: Vec<String>,
}

impl HttpApi {
    pub(crate) const RESOURCE: &str = "Api";

    /// In front of the function of this name.
    pub fn to(function: &str) -> Self {
        Self { function: function.to_owned(), open: Vec::new(), origins: Vec::new() }
    }

    /// A route that needs no token, as `GET /health`.
    pub fn open(mut self, route: &str) -> Self {
        self.open.push(route.to_owned());
        self
    }

    /// Pages from where may ask from a browser, as `https://example.com` or `*`, or a parameter of the stack that says so,
    /// as `${AllowedOrigin}`. API Gateway answers their preflights.
    pub fn cors(mut self, origin: &str) -> Self {
        self.origins.push(origin.to_owned());
        self
    }

    pub(crate) fn function(&self) -> &str {
        &self.function
    }

    pub(crate) fn parameters(&self) -> [(&'static str, Value); 5] {
        let text = |description: &str| json!({ "Description": description, "Type": "String", "Default": "" });
        let number = |description: &str, default: u32| json!({ "Description": description, "Type": "Number", "Default": default, "MinValue": 1 });
        let access = json!({
            "Description": "Who may ask: Open for everybody who reaches the API, Tokens for who brings a token of Issuer for Audience.",
            "Type": "String",
            "AllowedValues": ["Open", "Tokens"],
        });
        [
            ("Access", access),
            ("Issuer", text("Who issues the tokens that requests have to bring, as an https URL.")),
            ("Audience", text("Whom the tokens are for.")),
            (
                "RequestsPerSecond",
                number("How many requests a second are taken; others are answered 429.", 50),
            ),
            (
                "RequestsAtOnce",
                number("How many requests are taken at once, beyond those per second.", 100),
            ),
        ]
    }

    pub(crate) fn conditions(&self) -> [(&'static str, Value); 1] {
        [(WITH_TOKENS, json!({ "Fn::Equals": [{ "Ref": "Access" }, "Tokens"] }))]
    }

    pub(crate) fn rules(&self) -> [(&'static str, Value); 1] {
        let given = |name: &str| {
            json!({
                "Assert": { "Fn::Not": [{ "Fn::Equals": [{ "Ref": name }, ""] }] },
                "AssertDescription": format!("Access=Tokens needs {name}"),
            })
        };
        [(
            "TokensAreOfSomebody",
            json!({
                "RuleCondition": { "Fn::Equals": [{ "Ref": "Access" }, "Tokens"] },
                "Assertions": [given("Issuer"), given("Audience")],
            }),
        )]
    }

    pub(crate) fn resources(&self) -> Vec<(String, Value)> {
        let mut properties = json!({
            "Name": with_prefix(&self.function),
            "ProtocolType": "HTTP",
        });
        if !self.origins.is_empty() {
            let origins = self.origins.iter().map(|origin| text(origin));
            properties["CorsConfiguration"] = json!({
                "AllowOrigins": origins.collect::<Vec<_>>(),
                "AllowMethods": ["GET", "POST", "PUT", "DELETE", "OPTIONS"],
                "AllowHeaders": ["authorization", "content-type", "idempotency-key", "if-match"],
                "ExposeHeaders": ["etag", "location"],
                "MaxAge": 3600,
            });
        }
        let api = || json!({ "Ref": Self::RESOURCE });
        let mut resources = vec![
            (Self::RESOURCE, json!({ "Type": "AWS::ApiGatewayV2::Api", "Properties": properties })),
            (
                "ApiIntegration",
                json!({
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {
                        "ApiId": api(),
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": attribute(&self.function_resource(), "Arn"),
                        "PayloadFormatVersion": "2.0",
                    },
                }),
            ),
            (
                "ApiAuthorizer",
                json!({
                    "Type": "AWS::ApiGatewayV2::Authorizer",
                    "Condition": WITH_TOKENS,
                    "Properties": {
                        "ApiId": api(),
                        "Name": "tokens",
                        "AuthorizerType": "JWT",
                        "IdentitySource": ["$request.header.Authorization"],
                        "JwtConfiguration": {
                            "Issuer": { "Ref": "Issuer" },
                            "Audience": [{ "Ref": "Audience" }],
                        },
                    },
                }),
            ),
            (
                "ApiLog",
                json!({
                    "Type": "AWS::Logs::LogGroup",
                    "DeletionPolicy": "Delete",
                    "UpdateReplacePolicy": "Delete",
                    "Properties": {
                        "LogGroupName": text(&format!("/aws/vendedlogs/apis/{}{}", crate::PREFIX, self.function)),
                        "RetentionInDays": { "Ref": "LogRetentionDays" },
                        "KmsKeyId": key_arn(),
                    },
                }),
            ),
            (
                "ApiStage",
                json!({
                    "Type": "AWS::ApiGatewayV2::Stage",
                    "Properties": {
                        "ApiId": api(),
                        "StageName": "$default",
                        "AutoDeploy": true,
                        "AccessLogSettings": {
                            "DestinationArn": attribute("ApiLog", "Arn"),
                            "Format": access_log_format(),
                        },
                        "DefaultRouteSettings": {
                            "ThrottlingRateLimit": { "Ref": "RequestsPerSecond" },
                            "ThrottlingBurstLimit": { "Ref": "RequestsAtOnce" },
                        },
                    },
                }),
            ),
            (
                "ApiPermission",
                json!({
                    "Type": "AWS::Lambda::Permission",
                    "Properties": {
                        "Action": "lambda:InvokeFunction",
                        "FunctionName": attribute(&self.function_resource(), "Arn"),
                        "Principal": "apigateway.amazonaws.com",
                        "SourceArn": {
                            "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*",
                        },
                    },
                }),
            ),
            ("ApiRoute", route("$default", Access::WithToken)),
        ];
        let mut resources: Vec<_> =
            resources.drain(..).map(|(name, resource)| (name.to_owned(), resource)).collect();
        // A preflight brings no token, and a route for everything would take it.
        if !self.origins.is_empty() {
            resources
                .push(("ApiRoutePreflight".to_owned(), route("OPTIONS /{proxy+}", Access::Open)));
        }
        let open = self.open.iter();
        resources.extend(
            open.map(|path| {
                (format!("ApiRoute{}", resource_name(path)), route(path, Access::Open))
            }),
        );
        resources
    }

    fn function_resource(&self) -> String {
        format!("{}Function", resource_name(&self.function))
    }
}

const WITH_TOKENS: &str = "WithTokens";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Open,
    WithToken,
}

fn route(key: &str, access: Access) -> Value {
    let mut properties = json!({
        "ApiId": { "Ref": HttpApi::RESOURCE },
        "RouteKey": key,
        "Target": { "Fn::Sub": "integrations/${ApiIntegration}" },
    });
    properties["AuthorizationType"] = match access {
        Access::Open => json!("NONE"),
        Access::WithToken => json!({ "Fn::If": [WITH_TOKENS, "JWT", "NONE"] }),
    };
    if access == Access::WithToken {
        properties["AuthorizerId"] = json!({
            "Fn::If": [WITH_TOKENS, { "Ref": "ApiAuthorizer" }, { "Ref": "AWS::NoValue" }],
        });
    }
    json!({ "Type": "AWS::ApiGatewayV2::Route", "Properties": properties })
}

/// Who asked what, and how it ended; nothing of what was sent, and no query, which may have personal data.
fn access_log_format() -> String {
    json!({
        "at": "$context.requestTime",
        "request": "$context.requestId",
        "from": "$context.identity.sourceIp",
        "method": "$context.httpMethod",
        "route": "$context.routeKey",
        "path": "$context.path",
        "status": "$context.status",
        "milliseconds": "$context.responseLatency",
        "error": "$context.integrationErrorMessage",
    })
    .to_string()
}
