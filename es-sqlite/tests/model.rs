//! Random histories against a model that is simple enough to be right.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use es_core::{
    Checkpoint, Commit, Error, EventStore as _, Expected, Feed, Head, NewCommit, ReadStream,
    Version,
};
use es_sqlite::{SqliteStore, Synchronous};
use proptest::prelude::*;
use support::{Place, commit, partition, read, stream};

const STREAMS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// Appends `events` events where the stream ends.
    Append {
        stream: usize,
        events: usize,
    },
    /// Appends with the head that commit `commit` once was.
    AppendAt {
        stream: usize,
        commit: usize,
    },
    AppendAsNew {
        stream: usize,
    },
    AppendAnywhere {
        stream: usize,
        events: usize,
    },
    /// Appends commit `commit` of the whole history again, with other events or the same.
    Repeat {
        commit: usize,
        changed: bool,
    },
    Read {
        stream: usize,
        from: Option<u64>,
        backwards: bool,
        page_size: usize,
    },
    Find {
        commit: usize,
        stream: usize,
    },
    Follow {
        after: usize,
        max: usize,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let stream = 0..STREAMS;
    let events = 1..4_usize;
    prop_oneof![
        6 => (stream.clone(), events.clone())
            .prop_map(|(stream, events)| Step::Append { stream, events }),
        2 => (stream.clone(), 0..8_usize).prop_map(|(stream, commit)| Step::AppendAt { stream, commit }),
        1 => stream.clone().prop_map(|stream| Step::AppendAsNew { stream }),
        2 => (stream.clone(), events)
            .prop_map(|(stream, events)| Step::AppendAnywhere { stream, events }),
        2 => (0..20_usize, any::<bool>()).prop_map(|(commit, changed)| Step::Repeat { commit, changed }),
        4 => (stream.clone(), proptest::option::of(0..20_u64), any::<bool>(), 1..5_usize).prop_map(
            |(stream, from, backwards, page_size)| Step::Read { stream, from, backwards, page_size }
        ),
        1 => (0..20_usize, stream).prop_map(|(commit, stream)| Step::Find { commit, stream }),
        2 => (0..20_usize, 0..5_usize).prop_map(|(after, max)| Step::Follow { after, max }),
        1 => Just(Step::Reopen),
    ]
}

/// All commits in the order of their appends.
#[derive(Default)]
struct Model {
    log: Vec<Commit>,
}

impl Model {
    fn stream(&self, n: usize) -> Vec<Commit> {
        let id = stream(&n.to_string());
        self.log.iter().filter(|commit| *commit.stream() == id).cloned().collect()
    }

    fn head(&self, n: usize) -> Option<Head> {
        self.stream(n).last().map(Commit::head)
    }

    fn read(&self, n: usize, from: Option<u64>, backwards: bool) -> Vec<Commit> {
        let mut commits = self.stream(n);
        let from = from.map(Version::new);
        if backwards {
            commits.retain(|commit| from.is_none_or(|from| commit.first_version() <= from));
            commits.reverse();
        } else {
            commits.retain(|commit| from.is_none_or(|from| commit.last_version() >= from));
        }
        commits
    }
}

async fn append(store: &SqliteStore, model: &mut Model, n: usize, at: Expected, new: NewCommit) {
    let id = stream(&n.to_string());
    let head = model.head(n);
    let result = store.append(&id, at, new.clone()).await;
    let fits = match at {
        Expected::NoStream => head.is_none(),
        Expected::Head(at) => head == Some(at),
        _ => true,
    };
    if fits {
        let first = head.map_or(Version::FIRST, |head| head.version().next());
        let appended = result.unwrap();
        assert!(!appended.duplicate);
        assert_eq!(appended.commit, new.place(id, first));
        model.log.push(appended.commit);
    } else {
        let Err(Error::Conflict(conflict)) = result else { panic!("{at:?}: {result:?}") };
        assert_eq!(conflict.actual, head);
        let behind = match at {
            Expected::NoStream => model.stream(n).first().cloned(),
            Expected::Head(at) => {
                let commits = model.stream(n);
                let known = commits.iter().position(|commit| commit.head() == at);
                known.and_then(|known| commits.get(known + 1).cloned())
            }
            _ => None,
        };
        assert_eq!(conflict.winner, behind);
    }
}

fn some_commit(events: usize) -> NewCommit {
    let texts: Vec<String> = (0..events).map(|n| format!("ü{n}")).collect();
    commit(&texts)
}

async fn open(place: &Place) -> SqliteStore {
    let options = SqliteStore::builder(place.db());
    options.synchronous(Synchronous::Normal).open().await.unwrap()
}

async fn run(steps: Vec<Step>) {
    let place = Place::new();
    let mut store = open(&place).await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Append { stream: n, events } => {
                let at = Expected::end(model.head(n));
                append(&store, &mut model, n, at, some_commit(events)).await;
            }
            Step::AppendAt { stream: n, commit } => {
                // Of any stream: the head of another one is not this one's.
                let Some(commit) = model.log.get(commit) else {
                    continue;
                };
                let at = Expected::Head(commit.head());
                append(&store, &mut model, n, at, some_commit(1)).await;
            }
            Step::AppendAsNew { stream: n } => {
                append(&store, &mut model, n, Expected::NoStream, some_commit(1)).await;
            }
            Step::AppendAnywhere { stream: n, events } => {
                append(&store, &mut model, n, Expected::Any, some_commit(events)).await;
            }
            Step::Repeat { commit: index, changed } => {
                let Some(original) = model.log.get(index) else {
                    continue;
                };
                let mut again = commit(&["changed"]);
                again.id = original.id();
                if !changed {
                    again.events = original.events().clone();
                }
                let result = store.append(original.stream(), Expected::NoStream, again).await;
                match result {
                    Ok(appended) => {
                        assert!(appended.duplicate && !changed);
                        assert_eq!(appended.commit, *original);
                    }
                    Err(Error::CommitIdReused(reused)) => {
                        assert!(changed);
                        assert_eq!(reused.original, *original);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Read { stream: n, from, backwards, page_size } => {
                let mut query = ReadStream::new(stream(&n.to_string())).page_size(page_size);
                query.from = from.map(Version::new);
                if backwards {
                    query = query.backwards();
                }
                let (commits, error) = read(&store, query).await;
                assert!(error.is_none(), "{error:?}");
                assert_eq!(commits, model.read(n, from, backwards));
                assert_eq!(store.head(&stream(&n.to_string())).await.unwrap(), model.head(n));
            }
            Step::Find { commit, stream: n } => {
                let Some(commit) = model.log.get(commit) else {
                    continue;
                };
                let id = stream(&n.to_string());
                let found = store.find(&id, commit.id()).await.unwrap();
                assert_eq!(found.as_ref(), (*commit.stream() == id).then_some(commit));
            }
            Step::Follow { after, max } => {
                let after = after.min(model.log.len());
                let place = match after {
                    0 => Checkpoint::start(),
                    after => Checkpoint::from_stored(after.to_string()),
                };
                let page = Feed::read(&store, &partition(), &place, max).await.unwrap();
                let expected: Vec<_> =
                    model.log[after..].iter().take(max.max(1)).cloned().collect();
                let left = model.log.len() - after - expected.len();
                assert_eq!(page.commits, expected);
                assert_eq!(page.remaining, Some(left as u64));
            }
            Step::Reopen => {
                store.close().await.unwrap();
                store = open(&place).await;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_random_history_is_as_in_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
            .block_on(run(steps));
    }
}
