//! The CloudFormation template describes what the library makes.

use std::collections::BTreeMap;
use std::path::Path;

use es_core::{Error, QueueOptions, Topology};
use es_sns_sqs::cloudformation_template;
use serde_json::{Map, Value, json};

use crate::support::scene::{Scene, queue, shop, topic};

const REGION_AND_ACCOUNT: &str = "us-east-1:123456789012";

fn template(topology: &Topology) -> Value {
    let text = cloudformation_template(topology).expect("names that differ");
    serde_json::from_str(&text).expect("a template is JSON")
}

/// What CloudFormation makes of a template with the prefix `p-` and this key.
struct Stack<'a> {
    resources: &'a Map<String, Value>,
    key: Option<&'a str>,
}

impl Stack<'_> {
    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => match fields.iter().next() {
                Some((function, of)) if fields.len() == 1 => self.call(function, of, value),
                _ => self.fields(fields),
            },
            Value::Array(list) => list.iter().map(|value| self.resolved(value)).collect(),
            other => other.clone(),
        }
    }

    fn call(&self, function: &str, of: &Value, value: &Value) -> Value {
        match function {
            "Ref" if of == "EncryptionKey" => self.key.unwrap_or_default().into(),
            "Ref" if of == "AWS::NoValue" => Value::Null,
            "Ref" | "Fn::GetAtt" => {
                let name = of.as_str().or(of[0].as_str()).expect("a resource");
                self.arn(name).into()
            }
            "Fn::Sub" => of.as_str().expect("a text").replace("${NamePrefix}", "p-").into(),
            "Fn::If" => {
                assert_eq!(of[0], "HasEncryptionKey");
                self.resolved(&of[if self.key.is_some() { 1 } else { 2 }])
            }
            _ => self.fields(value.as_object().expect("an object")),
        }
    }

    fn fields(&self, fields: &Map<String, Value>) -> Value {
        let fields = fields.iter().map(|(name, value)| (name.clone(), self.resolved(value)));
        fields.filter(|(_, value)| !value.is_null()).collect()
    }

    fn arn(&self, resource: &str) -> String {
        let properties = &self.resources[resource]["Properties"];
        let (service, name) = match &properties["TopicName"] {
            Value::Null => ("sqs", &properties["QueueName"]),
            name => ("sns", name),
        };
        let name = self.resolved(name);
        let name = name.as_str().expect("a name");
        format!("arn:aws:{service}:{REGION_AND_ACCOUNT}:{name}")
    }

    /// The properties of all resources of a type.
    fn all(&self, resource_type: &str) -> Vec<Value> {
        let of_type = self.resources.values().filter(|it| it["Type"] == resource_type);
        of_type.map(|it| self.resolved(&it["Properties"])).collect()
    }

    /// The attributes of each queue, as SQS has them.
    fn queues(&self) -> BTreeMap<String, BTreeMap<String, Value>> {
        let mut queues: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for mut properties in self.all("AWS::SQS::Queue") {
            let name = properties["QueueName"].take();
            let name = name.as_str().expect("a name").to_owned();
            let attributes = properties.as_object().expect("properties").iter();
            let attributes = attributes.filter(|(_, value)| !value.is_null());
            queues.insert(name, attributes.map(|(name, it)| (name.clone(), as_text(it))).collect());
        }
        for properties in self.all("AWS::SQS::QueuePolicy") {
            let arn = properties["Queues"][0].as_str().expect("a queue");
            let name = arn.rsplit(':').next().expect("a name");
            let attributes = queues.get_mut(name).expect("a queue that is there");
            attributes.insert("Policy".to_owned(), properties["PolicyDocument"].clone());
        }
        queues
    }
}

/// As SQS and SNS have attributes: all are texts, and some of these are JSON.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Object(_) | Value::String(_) => value.clone(),
        other => other.to_string().into(),
    }
}

fn as_json(text: &str) -> Value {
    let json = serde_json::from_str(text).ok().filter(Value::is_object);
    json.unwrap_or_else(|| text.into())
}

/// What the library has made with the same prefix and key.
async fn made(key: Option<&'static str>) -> Scene {
    let scene = Scene::with(
        7,
        |messaging| messaging,
        |queues| key.into_iter().fold(queues, |queues, key| queues.encryption_key(key)),
        |topics| key.into_iter().fold(topics, |topics, key| topics.encryption_key(key)),
    );
    scene.ensure(&shop()).await;
    scene
}

#[tokio::test]
async fn the_template_has_what_the_library_makes() {
    let template = template(&shop());
    let mut resources = template["Resources"].as_object().expect("resources").clone();
    // The library does not make queues that nobody asked for.
    resources.retain(|name, _| !name.contains("UndeliveredOf"));
    for resource in resources.values_mut() {
        if resource["Type"] == "AWS::SNS::Subscription" {
            resource["Properties"].as_object_mut().expect("properties").remove("RedrivePolicy");
        }
    }
    let resources = &resources;
    for key in [None, Some("alias/orders")] {
        let (stack, scene) = (Stack { resources, key }, made(key).await);
        for (name, described) in stack.queues() {
            let made = scene.messaging.attributes(&name).into_iter();
            let made: BTreeMap<_, _> = made.map(|(name, it)| (name, as_json(&it))).collect();
            assert_eq!(described, made, "{name}");
        }
        for mut properties in stack.all("AWS::SNS::Topic") {
            let name = properties["TopicName"].take();
            let attributes = properties.as_object().expect("properties").iter();
            let attributes = attributes.filter(|(_, value)| !value.is_null());
            let described: BTreeMap<_, _> =
                attributes.map(|(name, it)| (name.clone(), as_text(it))).collect();
            let made = scene.messaging.topic_attributes(name.as_str().expect("a name"));
            let made: BTreeMap<_, _> =
                made.into_iter().map(|(name, it)| (name, as_json(&it))).collect();
            assert_eq!(described, made, "{name}");
        }
        let described: Vec<_> = stack.all("AWS::SNS::Subscription");
        let mut made = Vec::new();
        for topic in ["p-movements.fifo", "p-orders"] {
            for (endpoint, attributes) in scene.messaging.subscriptions(topic) {
                let mut properties = json!({
                    "TopicArn": format!("arn:aws:sns:{REGION_AND_ACCOUNT}:{topic}"),
                    "Protocol": "sqs",
                    "Endpoint": endpoint,
                    "RawMessageDelivery": attributes["RawMessageDelivery"] == "true",
                });
                if let Some(filter) = attributes.get("FilterPolicy") {
                    properties["FilterPolicy"] = as_json(filter);
                }
                made.push(properties);
            }
        }
        let by_text = |list: Vec<Value>| {
            let mut texts: Vec<_> = list.iter().map(Value::to_string).collect();
            texts.sort();
            texts
        };
        assert_eq!(by_text(described), by_text(made));
    }
}

#[test]
fn queues_outlive_their_stack() {
    let template = template(&shop());
    let resources = template["Resources"].as_object().expect("resources").values();
    let queues: Vec<_> = resources.filter(|it| it["Type"] == "AWS::SQS::Queue").collect();
    assert_eq!(queues.len(), 6 + 2, "those of the shop, and one for each of its topics");
    for queue in queues {
        assert_eq!(
            (&queue["DeletionPolicy"], &queue["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain"))
        );
    }
    let outputs: Vec<_> = template["Outputs"].as_object().expect("outputs").keys().collect();
    assert!(outputs.iter().any(|name| *name == "QueueStockFifoUrl"), "{outputs:?}");
    assert_eq!(template["Outputs"]["TopicOrdersArn"]["Value"], json!({ "Ref": "TopicOrders" }));
}

#[test]
fn a_queue_follows_a_topic_when_it_lets_it_in() {
    let template = template(&shop());
    let resources = template["Resources"].as_object().expect("resources");
    let subscriptions: Vec<_> =
        resources.values().filter(|it| it["Type"] == "AWS::SNS::Subscription").collect();
    assert_eq!(subscriptions.len(), 4);
    for subscription in subscriptions {
        let policy = &resources[subscription["DependsOn"][0].as_str().expect("a resource")];
        assert_eq!(policy["Type"], "AWS::SQS::QueuePolicy");
        let endpoint = &subscription["Properties"]["Endpoint"]["Fn::GetAtt"][0];
        assert_eq!(&policy["Properties"]["Queues"][0]["Ref"], endpoint);
    }
}

#[test]
fn what_a_queue_does_not_take_is_kept_by_a_queue_that_lets_the_topic_in() {
    let template = template(&shop());
    let resources = template["Resources"].as_object().expect("resources");
    let subscriptions: Vec<_> =
        resources.values().filter(|it| it["Type"] == "AWS::SNS::Subscription").collect();
    for subscription in subscriptions {
        let properties = &subscription["Properties"];
        let target = &properties["RedrivePolicy"]["deadLetterTargetArn"];
        let name = target["Fn::GetAtt"][0].as_str().expect("a queue of the template");
        let queue = &resources[name]["Properties"];
        assert_eq!(queue["MessageRetentionPeriod"], 14 * 24 * 60 * 60);
        let topic = properties["TopicArn"]["Ref"].as_str().expect("a topic of the template");
        let is_fifo = |properties: &Value, what: &str| properties[what] == true;
        let topic_is_fifo = is_fifo(&resources[topic]["Properties"], "FifoTopic");
        assert_eq!(is_fifo(queue, "FifoQueue"), topic_is_fifo, "{name}");
        // SNS drops what this queue refuses, too.
        let policy = format!("PolicyOf{name}");
        assert_eq!(subscription["DependsOn"][1], policy);
        let policy = &resources[&policy]["Properties"];
        assert_eq!(policy["Queues"], json!([{ "Ref": name }]));
        let statement = &policy["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Principal"]["Service"], "sns.amazonaws.com");
        assert_eq!(statement["Resource"], *target);
        let senders = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
        assert_eq!(*senders, json!([{ "Ref": topic }]));
        let key = &queue["KmsMasterKeyId"]["Fn::If"];
        assert_eq!(
            *key,
            json!(["HasEncryptionKey", { "Ref": "EncryptionKey" }, { "Ref": "AWS::NoValue" }])
        );
    }
}

#[test]
fn names_that_would_be_one_resource_are_refused() {
    for names in [["a-b", "a_b"], ["billing", "Billing"]] {
        let queues = names.iter().fold(Topology::builder(), |topology, name| {
            topology.queue(&queue(name), QueueOptions::default())
        });
        let topics =
            names.iter().fold(Topology::builder(), |topology, name| topology.topic(&topic(name)));
        for topology in [queues, topics] {
            let refused = cloudformation_template(&topology.build().expect("different names"));
            assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
        }
    }
}

#[test]
fn a_queue_with_the_name_of_one_for_what_cannot_be_delivered_is_refused() {
    for (followed, name) in [("orders", "orders-undelivered"), ("m.fifo", "m-undelivered.fifo")] {
        let (topic, taken) = (topic(followed), queue(name));
        let topology = Topology::builder().topic(&topic).queue(&taken, QueueOptions::default());
        let topology = topology.subscription(&topic, &taken, "{}".parse().expect("a filter"));
        let refused = cloudformation_template(&topology.build().expect("it fits"));
        assert!(matches!(&refused, Err(Error::Misuse(why)) if why.contains(name)), "{refused:?}");
    }
}

#[test]
fn no_queue_or_topic_can_have_the_resource_of_a_policy_or_a_subscription() {
    let (orders, everything) = (topic("orders"), || "{}".parse().expect("a filter"));
    let names = ["billing", "billing-policy", "policy-of-queue-billing"];
    let topology = names.iter().fold(Topology::builder().topic(&orders), |topology, name| {
        let queue = queue(name);
        let topology = topology.queue(&queue, QueueOptions::default());
        topology.subscription(&orders, &queue, everything())
    });
    let topology = topology.topic(&topic("orders-to-queue-billing")).build().expect("it fits");
    let resources = template(&topology)["Resources"].as_object().expect("resources").len();
    let of_undelivered = 2;
    assert_eq!(
        resources,
        3 + 2 + 3 + 3 + of_undelivered,
        "queues, topics, subscriptions and policies"
    );
}

/// Writes the file where `ES_ACCEPT_SCHEMA` is 1.
#[test]
fn the_template_in_the_repository_is_the_one_that_is_rendered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cloudformation/shop.json");
    let rendered = cloudformation_template(&shop()).expect("a template");
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, &rendered).expect("the file can be written");
    }
    let file = std::fs::read_to_string(&path).expect("the file is in the repository");
    assert_eq!(file.replace("\r\n", "\n"), rendered, "write it with ES_ACCEPT_SCHEMA=1");
}
