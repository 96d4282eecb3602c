//! Buses, rules and targets, and whose they are: what is asked, and changed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Answer, FakeEvents, bus_arn, rule_arn, text};

impl FakeEvents {
    pub(super) fn change(&self, operation: &str, body: &Value) -> Answer {
        let mut state = self.state();
        let bus = text(body, if operation.ends_with("EventBus") { "Name" } else { "EventBusName" });
        if operation == "CreateEventBus" {
            if state.buses.contains_key(&bus) {
                return Err(("ResourceAlreadyExistsException", format!("there is {bus}")));
            }
            state.tags.insert(bus_arn(&bus), tags(body));
            state.buses.insert(bus, BTreeMap::new());
            return Ok(json!({}));
        }
        if operation == "ListTagsForResource" {
            let tags = state.tags.get(&text(body, "ResourceARN")).cloned().unwrap_or_default();
            let tag = |(key, value): (&String, &Value)| json!({ "Key": key, "Value": value });
            return Ok(json!({ "Tags": tags.iter().map(tag).collect::<Vec<_>>() }));
        }
        if operation == "TagResource" {
            state.tags.entry(text(body, "ResourceARN")).or_default().extend(tags(body));
            return Ok(json!({}));
        }
        let missing = |what: &str| ("ResourceNotFoundException", format!("there is no {what}"));
        let state = &mut *state;
        let rules = state.buses.get_mut(&bus).ok_or_else(|| missing(&bus))?;
        let name = text(
            body,
            if operation.ends_with("Rule") && operation != "ListTargetsByRule" {
                "Name"
            } else {
                "Rule"
            },
        );
        match operation {
            "DeleteEventBus" if !rules.is_empty() => {
                return Err(("ValidationException", "it has rules".to_owned()));
            }
            "DescribeEventBus" => return Ok(json!({ "Name": bus, "Arn": bus_arn(&bus) })),
            "DeleteEventBus" => {
                state.tags.remove(&bus_arn(&bus));
                state.buses.remove(&bus);
            }
            "ListRules" => {
                let described = rules.iter().map(|(name, rule)| {
                    json!({ "Name": name, "Arn": rule_arn(&bus, name), "EventPattern": rule.pattern,
                        "State": rule.state, "Description": rule.description })
                });
                return Ok(json!({ "Rules": described.collect::<Vec<_>>() }));
            }
            "PutRule" => {
                // Tags of a rule that is there are ignored.
                let is_new = !rules.contains_key(&name);
                if is_new {
                    state.tags.insert(rule_arn(&bus, &name), tags(body));
                }
                let rule = rules.entry(name.clone()).or_default();
                rule.pattern = text(body, "EventPattern");
                rule.state = text(body, "State");
                rule.description = body["Description"].clone();
                return Ok(json!({ "RuleArn": rule_arn(&bus, &name) }));
            }
            _ => {
                let rule = rules.get_mut(&name).ok_or_else(|| missing(&name))?;
                match operation {
                    "PutTargets" => {
                        for target in body["Targets"].as_array().expect("targets") {
                            rule.targets.insert(text(target, "Id"), target.clone());
                        }
                    }
                    "RemoveTargets" => {
                        for id in body["Ids"].as_array().expect("ids") {
                            rule.targets.remove(id.as_str().expect("an id"));
                        }
                    }
                    "ListTargetsByRule" => {
                        let targets: Vec<_> = rule.targets.values().cloned().collect();
                        return Ok(json!({ "Targets": targets }));
                    }
                    "DeleteRule" if !rule.targets.is_empty() => {
                        return Err(("ValidationException", "it has targets".to_owned()));
                    }
                    "DeleteRule" => {
                        state.tags.remove(&rule_arn(&bus, &name));
                        rules.remove(&name);
                    }
                    other => panic!("{other} is not known"),
                }
            }
        }
        Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
    }
}

fn tags(body: &Value) -> Map<String, Value> {
    let tags = body["Tags"].as_array().into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), tag["Value"].clone())).collect()
}
