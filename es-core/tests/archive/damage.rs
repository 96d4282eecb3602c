//! Whatever happens to a file: it is told, and nothing that was not in the log gets into a store.

use es_core::Version;
use es_core::archive::{self, ArchiveError};
use es_core::memory::MemoryStore;
use proptest::prelude::*;

use crate::logs::{
    Streams, any_log, block_on, export, filled, import, in_order, store_of, stream, streams,
};

/// What can happen to a file.
#[derive(Debug, Clone)]
enum Accident {
    FlipBit { at: usize, bit: u8 },
    Overwrite { at: usize, with: u8 },
    Insert { at: usize, byte: u8 },
    CutOff { at: usize },
    DropLine { line: usize },
    RepeatLine { line: usize, at: usize },
    SwapLines { a: usize, b: usize },
}

fn any_accident() -> impl Strategy<Value = Accident> {
    let place = any::<usize>;
    prop_oneof![
        3 => (place(), 0..8_u8).prop_map(|(at, bit)| Accident::FlipBit { at, bit }),
        3 => (place(), any::<u8>()).prop_map(|(at, with)| Accident::Overwrite { at, with }),
        1 => (place(), any::<u8>()).prop_map(|(at, byte)| Accident::Insert { at, byte }),
        1 => place().prop_map(|at| Accident::CutOff { at }),
        1 => place().prop_map(|line| Accident::DropLine { line }),
        1 => (place(), place()).prop_map(|(line, at)| Accident::RepeatLine { line, at }),
        1 => (place(), place()).prop_map(|(a, b)| Accident::SwapLines { a, b }),
    ]
}

impl Accident {
    fn happen(&self, file: &mut Vec<u8>) {
        if file.is_empty() {
            return;
        }
        let len = file.len();
        match *self {
            Self::FlipBit { at, bit } => file[at % len] ^= 1 << bit,
            Self::Overwrite { at, with } => file[at % len] = with,
            Self::Insert { at, byte } => file.insert(at % len, byte),
            Self::CutOff { at } => file.truncate(at % len),
            Self::DropLine { line } => {
                in_lines(file, |lines| drop(lines.remove(line % lines.len())))
            }
            Self::RepeatLine { line, at } => in_lines(file, |lines| {
                lines.insert(at % lines.len(), lines[line % lines.len()].clone());
            }),
            Self::SwapLines { a, b } => in_lines(file, |lines| {
                let len = lines.len();
                lines.swap(a % len, b % len);
            }),
        }
    }
}

fn in_lines(file: &mut Vec<u8>, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let mut lines = file.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    change(&mut lines);
    *file = lines.concat();
}

/// Whether every stream is the beginning of the one in `whole`.
fn is_part(part: &Streams, whole: &Streams) -> bool {
    part.iter()
        .all(|(stream, commits)| whole.get(stream).is_some_and(|whole| whole.starts_with(commits)))
}

proptest! {
    #[test]
    fn damage_is_an_error_or_makes_no_difference(
        log in any_log(),
        accidents in prop::collection::vec(any_accident(), 1..4),
    ) {
        block_on(async {
            let old = store_of(log).await;
            let (whole, exported) = export(&old).await;
            let mut file = whole.clone();
            accidents.iter().for_each(|accident| accident.happen(&mut file));

            let (old, new) = (streams(&old).await, MemoryStore::new());
            let imported = import(&file, &new).await;
            let verified = archive::verify(&file[..]).await;
            prop_assert_eq!(imported.is_ok(), verified.is_ok());
            match imported {
                Ok(report) => {
                    prop_assert_eq!(report.digest, exported.digest);
                    prop_assert_eq!(streams(&new).await, old);
                }
                Err(_) => {
                    prop_assert!(is_part(&streams(&new).await, &old));
                    // The sound file makes it whole.
                    import(&whole, &new).await.unwrap();
                    prop_assert_eq!(streams(&new).await, old);
                }
            }
            Ok(())
        })?;
    }
}

/// The file of a log of ten commits, and its lines: header, commits, end.
async fn ten_commits() -> (Vec<String>, MemoryStore) {
    let store = filled(10).await;
    let file = String::from_utf8(export(&store).await.0).unwrap();
    (file.split_inclusive('\n').map(str::to_owned).collect(), store)
}

#[tokio::test]
async fn every_file_that_is_cut_off_is_told_by_its_last_whole_line() {
    let (lines, old) = ten_commits().await;
    let file = lines.concat();
    let commits = in_order(&old).await;
    for len in lines[0].len()..file.len() - 1 {
        let new = MemoryStore::new();
        let refused = import(&file.as_bytes()[..len], &new).await.unwrap_err();
        let ArchiveError::Truncated { line } = refused else { panic!("at {len}: {refused}") };
        let whole = line as usize - 1;
        // Without its line feed a line is whole too.
        let ends = |line: usize| lines[..=line].concat().len() - 1;
        assert!(ends(whole) <= len && len < ends(whole + 1), "at {len}: line {line}");
        let mut imported = in_order(&new).await;
        imported.sort_by_key(es_core::Commit::id);
        assert_eq!(imported, commits[..whole], "at {len}");
    }
}

#[tokio::test]
async fn a_damaged_line_is_named_and_what_is_before_it_is_imported() {
    let (mut lines, _) = ten_commits().await;
    lines[6] = lines[6].replace("text 5", "text 6");
    let new = MemoryStore::new();
    let refused = import(lines.concat().as_bytes(), &new).await.unwrap_err();
    assert!(matches!(refused, ArchiveError::Damaged { line: 7, .. }), "{refused}");
    assert_eq!(in_order(&new).await.len(), 5);
}

#[tokio::test]
async fn what_is_wrong_with_a_line_is_said_without_its_payload() {
    let (lines, _) = ten_commits().await;
    let damage = [
        ("\"payload\":{", "\"payload\":s3cret", "no JSON"),
        ("\"text 5\"", "\"s3cret\"", "checksum"),
        ("Note:Taken", "Note Taken", "manifest"),
        ("note:", "", "has no ':'"),
        ("1970-", "yesterday-", "time"),
        ("\"json\"", "\"s3cret\"", "unknown encoding"),
        ("\"json\"", "\"postcard\"", "fields of its encoding"),
        ("\"stream\"", "\"s3cret\":1,\"stream\"", "unknown field"),
        ("{\"commit\"", "{\"s3cret\"", "unknown variant"),
    ];
    for (sound, damaged, reason) in damage {
        let mut lines = lines.clone();
        lines[6] = lines[6].replacen(sound, damaged, 1);
        let refused = archive::verify(lines.concat().as_bytes()).await.unwrap_err();
        let ArchiveError::Damaged { line: 7, reason: found } = &refused else {
            panic!("{damaged}: {refused}")
        };
        assert!(found.contains(reason), "{damaged}: {found}");
        assert!(damaged.contains("json") || !found.contains("text 5"), "{found}");
    }
}

#[tokio::test]
async fn a_line_that_is_missing_twice_or_elsewhere_is_told() {
    let (lines, _) = ten_commits().await;
    // Commits 0 and 5 are the first of stream 0, in lines 2 and 7.
    let missing = [&lines[..1], &lines[2..]].concat();
    let twice = [&lines[..2], &lines[1..]].concat();
    let mut elsewhere = lines.clone();
    elsewhere.swap(1, 6);
    for (file, at, expected, found) in [(missing, 6, 1, 2), (twice, 3, 2, 1), (elsewhere, 2, 1, 2)]
    {
        let refused = archive::verify(file.concat().as_bytes()).await.unwrap_err();
        let ArchiveError::OutOfOrder { line, stream: of, expected: next, found: is } = refused
        else {
            panic!("{refused}")
        };
        assert_eq!((line, of), (at, stream("0")));
        assert_eq!((next, is), (Version::new(expected), Version::new(found)));
    }
}

#[tokio::test]
async fn the_last_line_of_a_stream_that_is_missing_is_told_by_the_end() {
    let (mut lines, _) = ten_commits().await;
    lines.remove(10);
    let refused = archive::verify(lines.concat().as_bytes()).await.unwrap_err();
    assert!(
        matches!(&refused, ArchiveError::Mismatch { what: "number of commits", .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn each_part_of_the_end_is_checked() {
    let (lines, _) = ten_commits().await;
    let end = &lines[11];
    let digit = |field: &str| {
        let at = end.find(field).unwrap() + field.len() + 3;
        let digit = if &end[at..=at] == "0" { "1" } else { "0" };
        format!("{}{digit}{}", &end[..at], &end[at + 1..])
    };
    let ends = [
        (end.replace("\"commits\":10", "\"commits\":11"), "number of commits"),
        (end.replace("\"events\":10", "\"events\":11"), "number of events"),
        (digit("digest"), "digest"),
        (digit("sha256"), "SHA-256"),
    ];
    for (end, part) in ends {
        let file = [&lines[..11], &[end]].concat().concat();
        let refused = archive::verify(file.as_bytes()).await.unwrap_err();
        assert!(
            matches!(&refused, ArchiveError::Mismatch { what, .. } if *what == part),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn white_space_that_changes_no_commit_is_told_by_the_end() {
    let (mut lines, _) = ten_commits().await;
    lines[4] = lines[4].replacen("\"stream\":", "\"stream\": ", 1);
    let refused = archive::verify(lines.concat().as_bytes()).await.unwrap_err();
    assert!(matches!(&refused, ArchiveError::Mismatch { what: "SHA-256", .. }), "{refused}");
}

#[tokio::test]
async fn nothing_follows_the_end() {
    let (mut lines, _) = ten_commits().await;
    lines.push(lines[1].clone());
    let refused = archive::verify(lines.concat().as_bytes()).await.unwrap_err();
    assert!(matches!(refused, ArchiveError::Damaged { line: 13, .. }), "{refused}");
}
