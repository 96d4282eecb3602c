//! The protocol of SNS: parameters in a form, answers in XML.

use std::collections::BTreeMap;

use serde_json::Value;

/// The parameters of a request, as `PublishBatchRequestEntries.member.1.Message`.
#[derive(Debug, Clone)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn parse(form: &str) -> Self {
        let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decoded(name), decoded(value))).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The members of a list, each with what is behind its number.
    pub(super) fn list(&self, name: &str) -> Vec<Self> {
        (1..)
            .map(|n| self.below(&format!("{name}.{n}.")))
            .take_while(|member| !member.0.is_empty())
            .collect()
    }

    /// A map, of which every entry has a name and a value under these names.
    pub(super) fn map(&self, name: &str, key: &str) -> BTreeMap<String, Self> {
        let entries = self.list(&format!("{name}.entry"));
        entries.iter().map(|it| (it.text(key).to_owned(), it.clone())).collect()
    }

    fn below(&self, prefix: &str) -> Self {
        let below = self.0.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        });
        Self(below.collect())
    }

    pub(super) fn json(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(rest.next().expect("a digit")).to_digit(16);
                let (high, low) = (digit().expect("hex"), digit().expect("hex"));
                bytes.push(u8::try_from(high * 16 + low).expect("a byte"));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("forms are UTF-8")
}

/// An element with what is in it.
pub(super) fn element(name: &str, content: &str) -> String {
    format!("<{name}>{content}</{name}>")
}

/// An element with a text.
pub(super) fn text(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    element(name, &text)
}

/// A map of texts, as attributes are.
pub(super) fn attributes(map: &BTreeMap<String, String>) -> String {
    let entry = |(name, value): (&String, &String)| {
        element("entry", &(text("key", name) + &text("value", value)))
    };
    element("Attributes", &map.iter().map(entry).collect::<String>())
}

/// The answer of an operation.
pub(super) fn answer(operation: &str, content: &str) -> String {
    let result = element(&format!("{operation}Result"), content);
    element(&format!("{operation}Response"), &result)
}
