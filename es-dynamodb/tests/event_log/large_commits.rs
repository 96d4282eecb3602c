//! Commits that one item does not take.

use es_core::testing::SeededEntropy;
use es_core::{
    Codec, Compression, Cost, EncodedEvents, EncodedMetadata, Encoding, Entropy as _, Error,
};

use super::*;

const MEGABYTE: usize = 1 << 20;

/// The most that DynamoDB takes as one item.
const LIMIT: usize = 400 * 1024;

/// The items of the table that are parts of commits.
async fn pieces(scene: &Scene) -> Vec<Item> {
    let mut items = scene.items().await;
    items.retain(|item| item["pk"].as_s().expect("a text").contains('\u{1}'));
    items
}

#[tokio::test]
async fn a_commit_is_one_item_up_to_the_last_byte_that_the_server_takes() {
    let binary = |bytes: usize| {
        let encoding = Encoding { codec: Codec::Postcard, compression: Compression::None };
        let payload = vec![7; bytes];
        let manifest = format!("Notes:Binary 1 {bytes:07}");
        let events = EncodedEvents::from_stored(encoding, manifest.into(), payload.into());
        NewCommit { events: events.expect("they fit"), ..large(generated(2), 100) }
    };
    let of_metadata = |bytes: usize| {
        let metadata = EncodedMetadata::from_stored("m".repeat(bytes).into());
        NewCommit { metadata, ..large(generated(2), 100) }
    };
    let of_manifest = |bytes: usize| {
        let manifest = format!("{} 1 2", "N".repeat(bytes));
        let events = EncodedEvents::from_stored_json(manifest.into(), "{}".into());
        NewCommit { events: events.expect("they fit"), ..large(generated(2), 100) }
    };
    let of_text = |bytes: usize| large(generated(2), bytes);
    let makes: [(&str, &dyn Fn(usize) -> NewCommit); 4] =
        [("p", &of_text), ("p", &binary), ("d", &of_metadata), ("m", &of_manifest)];
    for (attribute, make) in makes {
        let scene = scene().await;
        let first = scene.append(None, &large(generated(1), 100)).await;
        scene.append(Some(&first), &make(300_000)).await;
        let item = scene.commit_item(2).await;
        scene.delete(&item).await;
        let about = 300_000 + (LIMIT - size(&item));
        let mut sizes = Vec::new();
        // The checksum makes an item a byte longer or shorter.
        for bytes in about - 3..about + 4 {
            let (appended, cost) = Cost::of(scene.append(Some(&first), &make(bytes))).await;
            let item = scene.commit_item(2).await;
            let size = size_as_one(&item, &appended);
            sizes.push(size);
            assert_eq!(cost.requests == 1, size <= LIMIT, "{attribute}, {size}");
            assert_eq!(pieces(&scene).await.is_empty(), size <= LIMIT, "{attribute}, {size}");
            let read = scene.read_all().await.expect("a read");
            assert!(read == [first.clone(), appended], "{attribute}, {size}");
            if size <= LIMIT {
                let taken = put_with_one_byte_more(&scene, item.clone(), attribute).await;
                assert_eq!(taken, size < LIMIT, "{attribute}, {size}");
            }
            for item in pieces(&scene).await {
                scene.delete(&item).await;
            }
            scene.delete(&item).await;
        }
        assert!(sizes.contains(&LIMIT) && sizes.contains(&(LIMIT + 1)), "{attribute}, {sizes:?}");
    }
}

/// The size of an item of a commit, as the developer guide has it.
fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(digits) => 1 + digits.trim_end_matches('0').len().div_ceil(2),
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, found)| name.len() + value(found)).sum()
}

/// The size that a commit's item would have if one item took all of it.
fn size_as_one(item: &Item, commit: &Commit) -> usize {
    if !item.contains_key("x") {
        return size(item);
    }
    let mut frame = item.clone();
    frame.retain(|name, _| !matches!(name.as_str(), "x" | "h" | "a" | "b"));
    let metadata = commit.encoded_metadata().as_str().len();
    let names = if metadata == 0 { "mp".len() } else { "mpd".len() };
    size(&frame) + names + commit.events().stored_len() + metadata
}

/// Whether the server takes the item with one byte more in this attribute.
async fn put_with_one_byte_more(scene: &Scene, mut item: Item, attribute: &str) -> bool {
    match item.get_mut(attribute) {
        Some(AttributeValue::S(text)) => text.push('x'),
        Some(AttributeValue::B(bytes)) => *bytes = [bytes.as_ref(), b"x"].concat().into(),
        other => panic!("{other:?}"),
    }
    let request = scene.server.dynamodb().put_item().table_name(&scene.table);
    request.set_item(Some(item)).send().await.is_ok()
}

#[tokio::test]
async fn large_commits_come_back_between_small_ones() {
    let scene = scene().await;
    let limit = scene.store.limits().max_bytes;
    let random = SeededEntropy::new(1);
    let noise: Vec<u8> = (0..MEGABYTE / 8).flat_map(|_| random.next_u64().to_le_bytes()).collect();
    let encoding = Encoding { codec: Codec::Postcard, compression: Compression::None };
    let manifest = format!("Notes:Binary 1 {}", noise.len());
    let events = EncodedEvents::from_stored(encoding, manifest.into(), noise.into());
    let binary = NewCommit { events: events.expect("they fit"), ..large(generated(4), 100) };
    let new = [
        large(generated(1), 100),
        large(generated(2), limit - 100),
        large(derived("key"), 3 * MEGABYTE),
        large(generated(3), 500),
        binary,
        large(generated(5), 100),
    ];
    let mut commits: Vec<Commit> = Vec::new();
    for commit in new {
        commits.push(scene.append(commits.last(), &commit).await);
        let head = scene.store.head(&stream()).await.expect("a head");
        assert_eq!(head, commits.last().map(Commit::head));
    }
    assert!(scene.read_all().await.expect("a read") == commits);
    let mut backwards = scene.read(ReadStream::new(stream()).backwards()).await.expect("a read");
    backwards.reverse();
    assert!(backwards == commits);
    for commit in &commits {
        let found = scene.store.find(&stream(), commit.id()).await.expect("a search");
        assert!(found.as_ref() == Some(commit));
    }
}

#[tokio::test]
async fn pieces_of_a_commit_that_lost_its_place_are_nothing_to_anybody() {
    let scene = scene().await;
    let first = scene.append(None, &large(generated(1), 100)).await;
    for id in [generated(2), derived("key")] {
        let late = large(id, MEGABYTE);
        let outcome = scene.append_as(Expected::NoStream, &late).await;
        assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
    }
    assert_eq!(pieces(&scene).await.len(), 6, "they were written before the place was lost");
    assert_eq!(scene.read_all().await.expect("a read"), [first.clone()]);
    assert_eq!(scene.store.find(&stream(), derived("key")).await.expect("a search"), None);

    // The command is decided again, with the same events and with others.
    let again = scene.append(Some(&first), &large(generated(2), MEGABYTE)).await;
    let other = scene.append(Some(&again), &large(derived("key"), MEGABYTE + 7)).await;
    assert!(scene.read_all().await.expect("a read") == [first, again, other]);
}

#[tokio::test]
async fn the_same_id_with_other_content_leaves_the_large_commit_as_it_is() {
    let scene = scene().await;
    for id in [generated(1), derived("key")] {
        let scene = scene_with(|options| options).await;
        let original = scene.append(None, &large(id, MEGABYTE)).await;
        let outcome = scene.append_as(Expected::NoStream, &large(id, MEGABYTE + 1)).await;
        let Err(Error::CommitIdReused(reused)) = outcome else { panic!("{outcome:?}") };
        assert!(reused.original == original);
        let repeated = scene.append_as(Expected::NoStream, &large(id, MEGABYTE)).await;
        assert!(repeated.expect("a repetition").duplicate);
        assert!(scene.read_all().await.expect("a read") == [original]);
    }
    drop(scene);
}

#[tokio::test]
async fn a_conflict_with_a_large_commit_says_where_it_ends() {
    let scene = scene().await;
    let winner = scene.append(None, &large(generated(1), MEGABYTE)).await;
    let (outcome, cost) =
        Cost::of(scene.append_as(Expected::NoStream, &large(generated(2), 100))).await;
    let Err(Error::Conflict(conflict)) = outcome else { panic!("{outcome:?}") };
    assert_eq!((conflict.actual, conflict.winner), (Some(winner.head()), None));
    assert_eq!(cost.requests, 1);
}
