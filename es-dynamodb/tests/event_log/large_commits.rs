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
        for size in [LIMIT - 1, LIMIT, LIMIT + 1] {
            let new = of_size(size, make);
            let (appended, cost) = Cost::of(scene.append(Some(&first), &new)).await;
            assert_eq!(cost.requests == 1, size <= LIMIT, "{attribute}, {size}");
            let read = scene.read_all().await.expect("a read");
            assert!(read == [first.clone(), appended], "{attribute}, {size}");
            let item = scene.commit_item(2).await;
            if size <= LIMIT {
                let taken = put_with_one_byte_more(&scene, item.clone(), attribute).await;
                assert_eq!(taken, size < LIMIT, "{attribute}, {size}");
            } else {
                assert_eq!(pieces(&scene).await.len() as u64, cost.requests - 1, "{attribute}");
            }
            scene.delete(&item).await;
        }
    }
}

/// The commit from `make` whose item, the second of the stream, is of this size. The number that makes
/// it larger does not change it by as much, as checksum and time are some bytes longer or shorter.
fn of_size(size: usize, make: &dyn Fn(usize) -> NewCommit) -> NewCommit {
    let probe = make(300_000);
    let about = 300_000 + size - item_size(&probe);
    let seconds = 1_700_000_000..1_700_000_100;
    seconds
        .flat_map(|second| (about - 8..about + 3).map(move |bytes| (second, bytes)))
        .map(|(second, bytes)| {
            let recorded_at = Timestamp::from_second(second).expect("a time in range");
            NewCommit { recorded_at, ..make(bytes) }
        })
        .find(|commit| item_size(commit) == size)
        .expect("one is of that size")
}

/// The size of a commit's item at version 2, as the developer guide has it.
fn item_size(commit: &NewCommit) -> usize {
    let placed = commit.clone().place(stream(), version(2));
    let digits = |n: String| 1 + n.trim_end_matches('0').len().div_ceil(2);
    let numbers = [
        placed.first_version().to_string(),
        placed.events().len().to_string(),
        placed.recorded_at().as_microsecond().to_string(),
        placed.checksum().to_string(),
    ];
    let encoding = match placed.events().encoding() {
        json if json == Encoding::default() => 0,
        other => "e".len() + other.as_str().len(),
    };
    let metadata = match placed.encoded_metadata().as_str() {
        "" => 0,
        metadata => "d".len() + metadata.len(),
    };
    "pk".len()
        + stream().as_str().len()
        + "sk".len()
        + "ntc".len()
        + numbers.map(digits).iter().sum::<usize>()
        + "i".len()
        + 16
        + "mp".len()
        + placed.events().stored_len()
        + encoding
        + metadata
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
    assert_eq!(scene.read_all().await.expect("a read"), std::slice::from_ref(&first));
    assert_eq!(scene.store.find(&stream(), derived("key")).await.expect("a search"), None);

    // The command is decided again, with the same events and with others.
    let again = scene.append(Some(&first), &large(generated(2), MEGABYTE)).await;
    let other = scene.append(Some(&again), &large(derived("key"), MEGABYTE + 7)).await;
    assert!(scene.read_all().await.expect("a read") == [first, again, other]);
}

#[tokio::test]
async fn the_same_id_with_other_content_leaves_the_large_commit_as_it_is() {
    for id in [generated(1), derived("key")] {
        let scene = scene().await;
        let original = scene.append(None, &large(id, MEGABYTE)).await;
        let outcome = scene.append_as(Expected::NoStream, &large(id, MEGABYTE + 1)).await;
        let Err(Error::CommitIdReused(reused)) = outcome else { panic!("{outcome:?}") };
        assert!(reused.original == original);
        let repeated = scene.append_as(Expected::NoStream, &large(id, MEGABYTE)).await;
        assert!(repeated.expect("a repetition").duplicate);
        assert!(scene.read_all().await.expect("a read") == [original]);
    }
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
