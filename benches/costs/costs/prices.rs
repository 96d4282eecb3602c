//! What AWS asks for, in US dollars, in its region us-east-1, on demand, after free tiers and before discounts.
//!
//! Prices change, and differ between regions by some tens of percent: look at <https://aws.amazon.com/pricing/> and
//! change them here.

/// When these prices were noted down.
pub const NOTED_DOWN: &str = "2026-11-22";

/// A million write units of DynamoDB on demand.
pub const MILLION_WRITE_UNITS: f64 = 0.625;
/// A million read units of DynamoDB on demand. One is four kilobytes, strongly consistent.
pub const MILLION_READ_UNITS: f64 = 0.125;
/// A million requests to an HTTP API, of the first 300 million in a month.
pub const MILLION_API_REQUESTS: f64 = 1.00;
/// A million invocations of functions.
pub const MILLION_INVOCATIONS: f64 = 0.20;
/// A gigabyte of a function's memory for a second, on arm64.
pub const GIGABYTE_SECOND: f64 = 0.000_013_333_4;

/// The memory of a function in the templates, in gigabytes.
pub const MEMORY: f64 = 0.25;

/// How long a function works on one command, in seconds. Not measured: it is the time of two requests to DynamoDB one after
/// the other, some milliseconds each, with room.
pub const SECONDS_PER_COMMAND: f64 = 0.020;
/// How long a function works on a batch, in seconds, whatever is in it. Not measured, like the one above: a batch is a
/// handful of requests.
pub const SECONDS_PER_BATCH: f64 = 0.100;
