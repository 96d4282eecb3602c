//! The policies allow what each role does, and nothing else.

mod doc {
    #![allow(dead_code, unreachable_pub, reason = "a part is used")]
    include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../es-core/doc/account.rs"));
}
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use doc::{Account, AccountCommand, AccountEvent};
use es_core::testing::VirtualClock;
use es_core::{
    Begun, BoxError, Clock as _, Codec, CommitId, Compression, ConsumerId, DeadLetterFilter,
    Deadline, DeadlineHandler, DeadlineId, DeadlineStore as _, DeadlineSweeper, EncodedEvents,
    EncodedMetadata, Error, EventStore as _, ExecuteOptions, Expected, IdempotencyStore as _,
    IdempotentRequest, LeaseStore as _, NewCommit, NewLease, NoFeed, PartitionId, Projection,
    Projector, ReadStream, Recorded, Repository, RewindTo, Settled, SnapshotPolicy, SystemClock,
    SystemEntropy, Version, View, ViewName, ViewQuery, ViewSchema, ViewStore as _, WorkerId,
};
use es_dynamodb::{DynamoStore, Role, iam_policy};
use futures::TryStreamExt as _;
use support::Server;
use support::permissions::Permissions;

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Balance {
    credits: String,
}

/// Shows how often an account was credited. Fails with the account `poison` until it is cured, and
/// forgets the account `brief` the second time.
#[derive(Debug, Clone, Default)]
struct Balances<const IS_INDEXED: bool> {
    is_cured: Arc<AtomicBool>,
}

impl<const IS_INDEXED: bool> Projector for Balances<IS_INDEXED> {
    const NAME: &'static str = "balances";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["account"];
    const INDEXED_FIELDS: &'static [&'static str] = if IS_INDEXED { &["credits"] } else { &[] };
    type Event = AccountEvent;
    type View = Balance;

    fn project(
        &self,
        key: &str,
        view: &mut Option<Balance>,
        _: &Recorded<'_, AccountEvent>,
    ) -> Result<(), BoxError> {
        if key == "poison" && !self.is_cured.load(Ordering::Relaxed) {
            return Err("poison".into());
        }
        *view = match view {
            None => Some(Balance { credits: "one".to_owned() }),
            Some(_) if key == "brief" => None,
            Some(_) => Some(Balance { credits: "many".to_owned() }),
        };
        Ok(())
    }
}

fn schema(name: &str, indexed_fields: &'static [&'static str]) -> ViewSchema {
    ViewSchema { name: ViewName::new(name).unwrap(), indexed_fields, expires_by: None }
}

/// Tables, and a way to play one role on them.
struct Scene {
    server: Server,
    prefix: String,
}

impl Scene {
    async fn new() -> Self {
        let (server, prefix) = (Server::start().await, Server::prefix());
        let store = server.store_with(server.options(&prefix)).await;
        store.prepare(&schema("balances_v1", &[])).await.unwrap();
        // As of a stack that was updated: the table has an index that the view does not use yet.
        store.prepare(&schema("balances_v1_rebuild", &["credits"])).await.unwrap();
        Self { server, prefix }
    }

    /// A store of a program with this role only.
    fn play(&self, role: Role) -> (Arc<DynamoStore>, Permissions) {
        self.play_all(&[role])
    }

    /// A store of a program with these roles.
    fn play_all(&self, roles: &[Role]) -> (Arc<DynamoStore>, Permissions) {
        let permissions = Permissions::new(&self.prefix, roles);
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        let options = DynamoStore::builder(&self.prefix).scan_segments(1).clock(clock);
        (Arc::new(permissions.store(&self.server, options)), permissions)
    }

    /// As in a stack that was deployed just now: the table is there, and nobody has prepared the view.
    async fn forget_view(&self) {
        let key = |text: &str| AttributeValue::S(text.to_owned());
        let delete =
            self.server.dynamodb().delete_item().table_name(format!("{}state", self.prefix));
        let delete = delete.key("pk", key("view#balances_v1")).key("sk", key("pointer"));
        let deleted = delete.return_values(ReturnValue::AllOld).send().await.unwrap();
        assert!(deleted.attributes.is_some(), "it was prepared");
    }

    async fn credit(&self, id: &str) {
        let (store, _) = self.play(Role::Commands);
        Repository::<Account>::new(store).execute(id, AccountCommand::Credit(1)).await.unwrap();
    }

    /// Appends a commit that no item has room for.
    async fn credit_often(&self, id: &str) {
        let (store, _) = self.play(Role::Commands);
        let events: Vec<_> =
            (0..10_000).map(|_| AccountEvent::Credited { amount: 1_000_000_000_000 }).collect();
        let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, usize::MAX);
        let now = SystemClock.now();
        let commit = NewCommit::new(
            CommitId::generate(now, &SystemEntropy),
            now,
            EncodedMetadata::default(),
            events.unwrap(),
        );
        assert!(commit.stored_len() > 400 * 1024);
        let stream = format!("account:{id}").parse().unwrap();
        store.append(&stream, Expected::Any, commit).await.unwrap();
    }

    fn balances<const IS_INDEXED: bool>(
        &self,
        store: &Arc<DynamoStore>,
        projector: &Balances<IS_INDEXED>,
    ) -> Projection<Balances<IS_INDEXED>> {
        let clock = Arc::new(VirtualClock::auto_advancing("2026-01-01T00:00:00Z"));
        Projection::on(projector.clone(), store.clone()).unwrap().with_clock(clock)
    }
}

#[tokio::test]
async fn commands_need_what_their_role_allows() {
    let scene = Scene::new().await;
    let (store, permissions) = scene.play(Role::Commands);
    let accounts = Repository::<Account>::new(store.clone())
        .with_snapshots(store.clone(), SnapshotPolicy::Every(2));
    for _ in 0..3 {
        accounts.execute("a", AccountCommand::Credit(1)).await.unwrap();
    }
    for _ in 0..2 {
        let once = ExecuteOptions::new().idempotency_key("request 1");
        accounts.execute_with("a", AccountCommand::Credit(1), once).await.unwrap();
    }
    for (key, completes) in [("r-1", true), ("r-2", false)] {
        let request = IdempotentRequest::new("orders", key, b"payload").unwrap();
        let begun = store.begin(&request, Duration::from_secs(60)).await.unwrap();
        let Begun::Started(claim) = begun else { panic!("{begun:?}") };
        if completes {
            let settled = store.complete(&claim, b"done"[..].into(), Duration::from_secs(60)).await;
            assert_eq!(settled.unwrap(), Settled::Done);
        } else {
            assert_eq!(store.abandon(&claim).await.unwrap(), Settled::Done);
        }
    }
    assert_eq!(permissions.take_unused(), []);
}

#[tokio::test]
async fn projections_need_what_their_role_allows() {
    let scene = Scene::new().await;
    for id in ["a", "brief", "poison", "poison"] {
        scene.credit(id).await;
    }
    scene.credit_often("poison").await;
    let (store, permissions) = scene.play(Role::Projections);
    let unindexed = Balances::<false>::default();
    assert_eq!(scene.balances(&store, &unindexed).catch_up().await.unwrap().applied, 2);
    let projector = Balances::<true>::default();
    let balances = scene.balances(&store, &projector);
    balances.prepare().await.unwrap();
    scene.credit("brief").await;
    balances.catch_up().await.unwrap();
    // As the repair of a gap reads it.
    let stream = "account:a".parse().unwrap();
    store.read(ReadStream::new(stream)).try_collect::<Vec<_>>().await.unwrap();

    let poison = "account:poison".parse().unwrap();
    balances.drop_dead_letter(&poison, Version::FIRST, "a test").await.unwrap().unwrap();
    projector.is_cured.store(true, Ordering::Relaxed);
    balances.retry_dead_letters(&DeadLetterFilter::all()).await.unwrap();
    // A look has a limit of time, which is not that of the scene: there, waiting takes none.
    let looking = scene.balances(&store, &projector).with_clock(Arc::new(SystemClock));
    looking.health().await.unwrap();
    balances.pause().await.unwrap();
    balances.resume().await.unwrap();
    balances.rebuild(|_| {}).await.unwrap();
    balances.rewind(RewindTo::Start, |_| {}).await.unwrap();
    balances.catch_up().await.unwrap();

    let lease = NewLease::new(PartitionId::new("scan-0-of-1").unwrap());
    store.create(balances.id(), lease).await.unwrap();
    let mut leases = store.leases(balances.id()).await.unwrap();
    let worker = WorkerId::new("host").unwrap();
    let taken = store.take(balances.id(), &leases.remove(0), &worker).await.unwrap().unwrap();
    assert!(store.delete(balances.id(), &taken).await.unwrap());
    let found = balances.view().list(&ViewQuery::default().equals("credits", "one")).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(permissions.take_unused(), []);
}

#[tokio::test]
async fn queries_need_what_their_role_allows() {
    let scene = Scene::new().await;
    scene.credit("a").await;
    let (projecting, _) = scene.play(Role::Projections);
    let balances = scene.balances(&projecting, &Balances::<true>::default());
    balances.prepare().await.unwrap();
    balances.catch_up().await.unwrap();

    let (store, permissions) = scene.play(Role::Queries);
    let view = View::<Balance>::new(store, balances.view().name().clone());
    assert!(view.get("a").await.unwrap().is_some());
    for query in [ViewQuery::default(), ViewQuery::default().equals("credits", "one")] {
        assert_eq!(view.list(&query).await.unwrap().len(), 1);
    }
    assert_eq!(permissions.take_unused(), []);
}

#[tokio::test]
async fn functions_on_tables_of_a_template_need_no_more_than_their_role_allows() {
    const HOUR: Duration = Duration::from_secs(3600);
    let scene = Scene::new().await;
    scene.forget_view().await;
    let ids = ["a", "a", "brief", "brief", "poison", "poison"];
    for id in ids {
        scene.credit(id).await;
    }
    scene.credit_often("long").await;
    let (store, _) = scene.play(Role::Functions);
    let mut commits = Vec::new();
    for id in ["a", "brief", "poison", "long"] {
        let stream = format!("account:{id}").parse().unwrap();
        commits.extend(store.read(ReadStream::new(stream)).try_concat().await.unwrap());
    }
    // Nobody has prepared the view, and the gap before the last commit is filled from the log.
    let projector = Balances::<true>::default();
    let (feed, log, views) = (Arc::new(NoFeed), store.clone(), store.clone());
    let balances = Projection::new(projector.clone(), feed, log, views).unwrap();
    let last = commits.pop().into_iter().collect();
    let pushed = balances.push(last, HOUR).await;
    assert!(pushed.left.is_empty(), "{pushed:?}");
    let pushed = balances.push(commits, HOUR).await;
    assert!(pushed.left.is_empty() && pushed.parked == 2, "{pushed:?}");
    assert!(balances.view().get("a").await.unwrap().is_some());
}

#[tokio::test]
async fn who_looks_at_views_that_functions_write_needs_what_the_role_allows() {
    let scene = Scene::new().await;
    let (store, permissions) = scene.play(Role::Progress);
    let (feed, log, views) = (Arc::new(NoFeed), store.clone(), store.clone());
    let balances = Projection::new(Balances::<true>::default(), feed, log, views).unwrap();
    scene.forget_view().await;
    balances.prepare().await.unwrap();
    scene.credit("a").await;
    let stream = "account:a".parse().unwrap();
    let late = balances.wait_for_version(&stream, Version::FIRST, Duration::ZERO).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
    let (projecting, _) = scene.play(Role::Projections);
    scene.balances(&projecting, &Balances::<true>::default()).catch_up().await.unwrap();
    balances.wait_for_version(&stream, Version::FIRST, Duration::from_secs(60)).await.unwrap();
    assert!(balances.health().await.unwrap().is_well());
    assert_eq!(permissions.take_unused(), []);
}

#[tokio::test]
async fn who_answers_queries_of_a_view_that_lacks_an_index_is_refused_nothing() {
    let scene = Scene::new().await;
    scene.credit("a").await;
    let (projecting, _) = scene.play(Role::Functions);
    let functions = |store: &Arc<DynamoStore>| {
        let (log, views) = (store.clone(), store.clone());
        Projection::new(Balances::<true>::default(), Arc::new(NoFeed), log, views).unwrap()
    };
    // Before the field was added, somebody wrote the view.
    scene
        .balances(&scene.play(Role::Projections).0, &Balances::<false>::default())
        .catch_up()
        .await
        .unwrap();

    let (answering, _) = scene.play_all(&[Role::Queries, Role::Progress]);
    let reading = Arc::new(answering.reading_views());
    let balances =
        Projection::new(Balances::<true>::default(), Arc::new(NoFeed), answering.clone(), reading)
            .unwrap();
    balances.prepare().await.unwrap();
    assert!(balances.view().get("a").await.unwrap().is_some());
    let by_credits = ViewQuery::default().equals("credits", "one");
    let lacking = balances.view().list(&by_credits).await;
    assert!(matches!(lacking, Err(Error::Unavailable { .. })), "{lacking:?}");
    // It would be refused to do about it what functions do, which begin with what it may.
    assert!(functions(&answering).prepare().await.is_err());
    functions(&projecting).prepare().await.unwrap();
    assert_eq!(balances.view().list(&by_credits).await.unwrap().len(), 1);
}

/// Credits an account when its time has come.
struct Interest(Repository<Account>);

#[async_trait::async_trait]
impl DeadlineHandler for Interest {
    async fn fire(&self, deadline: &Deadline) -> Result<(), Error> {
        let credit = AccountCommand::Credit(1);
        self.0
            .execute(deadline.instance(), credit)
            .await
            .map(drop)
            .map_err(|error| Error::Backend { what: "crediting".to_owned(), source: error.into() })
    }
}

#[tokio::test]
async fn a_sweeper_of_deadlines_needs_nothing_of_views() {
    let scene = Scene::new().await;
    let (store, _) = scene.play(Role::Reactions);
    let process = ConsumerId::new("interest").unwrap();
    let id = DeadlineId::from_bytes([7; 16]);
    let due = Deadline::new(process.clone(), "a", id, SystemClock.now()).unwrap();
    store.set(&[due]).await.unwrap();
    let interest = Arc::new(Interest(Repository::new(store.clone())));
    let sweeper = DeadlineSweeper::new(process, store, interest);
    assert_eq!(sweeper.sweep().await.unwrap().fired, 1);
    assert_eq!(sweeper.sweep().await.unwrap().fired, 0);
}

#[tokio::test]
async fn what_a_role_does_not_allow_is_not_sent() {
    let scene = Scene::new().await;
    let (store, _) = scene.play(Role::Queries);
    let refused = Repository::<Account>::new(store).execute("a", AccountCommand::Credit(1)).await;
    assert!(refused.is_err());
    let (store, _) = scene.play(Role::Commands);
    let view = View::<Balance>::new(store, schema("balances_v1", &[]).name);
    assert!(view.get("a").await.is_err());
}

#[test]
fn nobody_may_change_or_delete_an_item_of_the_log() {
    let permissions = Permissions::new("bank-", &Role::ALL);
    let on_events: BTreeSet<&str> = permissions
        .allowed()
        .iter()
        .filter(|(_, on)| on.contains("events") || on == "*")
        .map(|(action, _)| action.as_str())
        .collect();
    let expected = [
        "DescribeStream",
        "DescribeTable",
        "GetItem",
        "GetRecords",
        "GetShardIterator",
        "PutItem",
        "Query",
        "Scan",
    ];
    assert_eq!(on_events, BTreeSet::from(expected));
}

/// Writes the file where `ES_ACCEPT_SCHEMA` is 1.
#[test]
fn the_policy_in_the_repository_is_the_one_that_is_rendered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("iam/application.json");
    let policy = iam_policy("pharmacy-", &Role::ALL).unwrap();
    if std::env::var_os("ES_ACCEPT_SCHEMA").is_some_and(|accept| accept == "1") {
        std::fs::write(&path, &policy).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap();
    assert_eq!(file.replace("\r\n", "\n"), policy, "write it with ES_ACCEPT_SCHEMA=1");
}
