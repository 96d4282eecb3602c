//! What the benchmarks share: the domain, the floors, and how contenders are measured beside each other.
//!
//! The [domain](order) is an order whose events have about 200 bytes of JSON, with two
//! [views](order_views) of orders. A [floor] does with the same bytes what has to be done at least. A
//! [race] runs floors and contenders in turn, so that what they are compared by was measured at the same
//! time. [Ours](ours) and other libraries do the same [workloads](workload); the others in
//! [programs](program) of their own, their [drivers](driver). Reads of DynamoDB are measured on recorded
//! answers, with the feature `dynamodb`.

pub mod driver;
pub mod floor;
pub mod order;
pub mod order_views;
pub mod ours;
pub mod program;
pub mod race;
#[cfg(feature = "dynamodb")]
pub mod recorded;
pub mod workload;
