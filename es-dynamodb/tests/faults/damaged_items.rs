//! What is stored and does not fit is an error that names stream and version: never a panic, never
//! another commit, never a shorter stream.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use es_core::{Commit, Error, EventStore as _, ReadStream, Version};
use futures::TryStreamExt as _;

use crate::scene::{Id, Scene};
use crate::support::faults::Faults;
use crate::support::ledger::stream;

type Item = HashMap<String, AttributeValue>;

const COMMITS: u64 = 3;

struct Damaged {
    scene: Scene,
    /// The commit in the middle, as it was.
    whole: Item,
    commits: Vec<Commit>,
}

impl Damaged {
    async fn scene() -> Self {
        let scene = Scene::with(Faults::none()).await;
        for number in 1..=COMMITS {
            scene.rival("a", number, Id::Generated).await;
        }
        let commits = read(&scene).await.expect("nothing is damaged yet");
        let sk = AttributeValue::N(commits[1].first_version().to_string());
        let get = scene.server.dynamodb().get_item().table_name(format!("{}events", scene.prefix));
        let get = get.key("pk", AttributeValue::S(stream("a").as_str().to_owned())).key("sk", sk);
        let whole = get.send().await.expect("the server answers").item.expect("a commit");
        Self { scene, whole, commits }
    }

    /// What a reader sees when the commit in the middle is stored so.
    async fn read_with(&self, item: Item) -> Result<Vec<Commit>, Error> {
        let put = self.scene.server.dynamodb().put_item();
        let put = put.table_name(format!("{}events", self.scene.prefix)).set_item(Some(item));
        put.send().await.expect("the server takes it");
        read(&self.scene).await
    }

    /// Requires an error that names the place, or that nothing is different.
    fn judge(&self, what: &str, read: Result<Vec<Commit>, Error>) -> bool {
        match read {
            Ok(commits) => {
                assert_eq!(commits, self.commits, "{what}: it reads something else");
                false
            }
            Err(Error::CorruptCommit { stream: of, version, .. }) => {
                assert_eq!((of, version), (stream("a"), Version::new(3)), "{what}");
                true
            }
            Err(Error::UnsupportedFormat { what: place, .. }) => {
                assert!(place.contains("ledger:a") && place.contains('3'), "{what}: {place}");
                true
            }
            Err(other) => panic!("{what}: {other:?}"),
        }
    }
}

async fn read(scene: &Scene) -> Result<Vec<Commit>, Error> {
    Ok(scene.plain.read(ReadStream::new(stream("a"))).try_concat().await?.into_vec())
}

fn values() -> Vec<AttributeValue> {
    let number = |digits: &str| AttributeValue::N(digits.to_owned());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    vec![
        number("0"),
        number("-1"),
        number("1.5"),
        number("9"),
        number(&"9".repeat(38)),
        text(""),
        text("x"),
        text("{"),
        text("[]"),
        AttributeValue::B(Blob::new([])),
        AttributeValue::B(Blob::new([0, 255, 7])),
        AttributeValue::B(Blob::new([0; 16])),
        AttributeValue::Null(true),
        AttributeValue::Bool(false),
        AttributeValue::L(Vec::new()),
        AttributeValue::M(HashMap::new()),
    ]
}

#[tokio::test]
async fn an_attribute_that_is_missing_or_another_one_is_found_out() {
    let damaged = Damaged::scene().await;
    let attributes: Vec<String> = {
        let others = ["v", "e", "d", "o", "x", "h", "a", "b"].map(str::to_owned);
        let own = damaged.whole.keys().filter(|name| !["pk", "sk"].contains(&name.as_str()));
        own.cloned().chain(others).collect()
    };
    for name in &attributes {
        let mut without = damaged.whole.clone();
        if without.remove(name).is_some() {
            let read = damaged.read_with(without).await;
            assert!(damaged.judge(&format!("without {name}"), read), "{name} is not needed?");
        }
        for value in values() {
            let what = format!("{name} = {value:?}");
            let mut item = damaged.whole.clone();
            item.insert(name.clone(), value);
            let read = damaged.read_with(item).await;
            damaged.judge(&what, read);
        }
    }
    let restored = damaged.read_with(damaged.whole.clone()).await.expect("it is whole again");
    assert_eq!(restored, damaged.commits);
}

#[tokio::test]
async fn a_byte_that_is_another_one_is_found_out() {
    let damaged = Damaged::scene().await;
    for name in ["m", "p"] {
        let AttributeValue::S(text) = &damaged.whole[name] else { panic!("{name} is a text") };
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let mut item = damaged.whole.clone();
            let text = String::from_utf8(bytes).expect("ASCII");
            item.insert(name.to_owned(), AttributeValue::S(text));
            let read = damaged.read_with(item).await;
            assert!(damaged.judge(&format!("{name} at {at}"), read), "{name} at {at}");
        }
    }
}

#[tokio::test]
async fn a_newer_layout_is_refused_as_such() {
    let damaged = Damaged::scene().await;
    let mut item = damaged.whole.clone();
    item.insert("v".to_owned(), AttributeValue::N("2".to_owned()));
    let read = damaged.read_with(item).await;
    assert!(matches!(read, Err(Error::UnsupportedFormat { .. })), "{read:?}");
}

#[tokio::test]
async fn a_commit_that_is_gone_is_a_gap_and_not_a_shorter_stream() {
    let damaged = Damaged::scene().await;
    let delete = damaged.scene.server.dynamodb().delete_item();
    let delete = delete.table_name(format!("{}events", damaged.scene.prefix));
    let (pk, sk) = (damaged.whole["pk"].clone(), damaged.whole["sk"].clone());
    delete.key("pk", pk).key("sk", sk).send().await.expect("an operator can");
    let error = read(&damaged.scene).await.expect_err("a commit is missing");
    assert!(!error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("ledger:a"), "{error}");
}
