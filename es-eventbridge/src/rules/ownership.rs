//! What was made here, and may be removed again.

use aws_sdk_eventbridge::types::Tag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use es_aws::OwnStatement;
use es_core::{Error, Result};

use super::queues::SERVICE;
use crate::bus::EventBridgeBus;
use crate::service;

/// The tag that says whose a rule or a bus is.
pub(super) const TAG: &str = "es-eventbridge:owner";
/// What the ids of own statements begin with.
const STATEMENT: &str = "EsEventBridge";

impl EventBridgeBus {
    fn owner(&self) -> &str {
        &self.shared.options.owner
    }

    /// What own rules and buses are made with.
    pub(super) fn tag(&self) -> Result<Tag> {
        let tag = Tag::builder().key(TAG).value(self.owner()).build();
        tag.map_err(|error| Error::Backend {
            what: "describing a tag".to_owned(),
            source: error.into(),
        })
    }

    /// Whose this rule or bus is, as far as it says so.
    async fn owner_of(&self, arn: &str) -> Result<Option<String>> {
        let tags = self.shared.events.list_tags_for_resource().resource_arn(arn).send().await;
        let tags = match tags {
            Ok(tags) => tags.tags.unwrap_or_default(),
            Err(error) if error.code().is_some_and(service::is_missing) => return Ok(None),
            Err(error) => {
                return Err(self
                    .shared
                    .service
                    .failed(&format!("reading the tags of {arn}"), error));
            }
        };
        Ok(tags.into_iter().find(|tag| tag.key() == TAG).map(|tag| tag.value))
    }

    /// Whether this rule or bus is an own one.
    pub(super) async fn owns(&self, arn: &str) -> Result<bool> {
        Ok(self.owner_of(arn).await?.is_some_and(|owner| owner == self.owner()))
    }

    /// Whether a rule that is there is an own one already.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] when it says that it is somebody else's: two files would change it in turn.
    pub(super) async fn owns_to_change(&self, rule: &str, arn: &str) -> Result<bool> {
        match self.owner_of(arn).await? {
            None => Ok(false),
            Some(owner) if owner == self.owner() => Ok(true),
            Some(owner) => Err(Error::Misuse(format!(
                "rule {rule} of bus {} is in this file, and was deployed by {owner:.64?}: rules of one bus have \
                 names of their own",
                self.name()
            ))),
        }
    }

    pub(super) async fn claim(&self, arn: &str) -> Result<()> {
        let claimed = self.shared.events.tag_resource().resource_arn(arn).tags(self.tag()?);
        let claimed = claimed.send().await;
        claimed
            .map(drop)
            .map_err(|error| self.shared.service.failed(&format!("tagging {arn}"), error))
    }

    /// The statement that lets the own rules send. Its id is made of owner and bus, so that nobody else's has it.
    pub(super) fn statement(&self) -> OwnStatement {
        let bus = self.name();
        let bytes = self.owner().bytes().chain([0]).chain(bus.bytes());
        OwnStatement { service: SERVICE, id: format!("{STATEMENT}{:016x}", fnv(bytes)) }
    }

    /// The ARN that a rule of this bus has, or will have: the bus is in account and region of its queues.
    pub(super) fn arn_of_rule(&self, queue_arn: &str, rule: &str) -> String {
        let parts: Vec<_> = queue_arn.split(':').collect();
        let part = |n: usize| parts.get(n).copied().unwrap_or_default();
        let (partition, region, account) = (part(1), part(3), part(4));
        let resource = match self.name().as_str() {
            "default" => rule.to_owned(),
            bus => format!("{bus}/{rule}"),
        };
        format!("arn:{partition}:events:{region}:{account}:rule/{resource}")
    }

    /// The rule of this bus that has the ARN.
    pub(super) fn rule_of_arn<'a>(&self, arn: &'a str) -> Option<&'a str> {
        let resource = arn.splitn(6, ':').nth(5)?.strip_prefix("rule/")?;
        let bus = self.name();
        // Rules of the default bus are called without it.
        match resource.split_once('/') {
            Some((its, rule)) => (its == bus).then_some(rule),
            None => (bus == "default").then_some(resource),
        }
    }
}

/// FNV-1a in 64 bits: the same on every machine, in every version.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
