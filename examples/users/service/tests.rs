use es_core::memory::MemoryStore;

use super::*;
use crate::users::domain::{Email, Money, Name, UserCommand};

const LONG: Duration = Duration::from_secs(60);

async fn in_memory() -> Users {
    let store = Arc::new(MemoryStore::new());
    let backend =
        Backend { log: store.clone(), feed: store.clone(), snapshots: store.clone(), views: store };
    Users::new(backend).await.unwrap()
}

async fn create(users: &Users, user_id: &str) -> Version {
    let (name, email) = (Name::new("Ada").unwrap(), Email::new("a@b").unwrap());
    let create = UserCommand::Create { name, email };
    users.users.execute(user_id, create).await.unwrap().version()
}

#[tokio::test]
async fn a_read_model_shows_a_command_when_it_has_been_waited_for() {
    let users = in_memory().await;
    let workers = users.start_workers();
    create(&users, "ada").await;
    let credit = UserCommand::Credit(Money::cents(500).unwrap());
    let sequence = users.users.execute("ada", credit).await.unwrap().version();
    users.detail_shows("ada", sequence, LONG).await.unwrap();
    let detail = users.details.view().get("ada").await.unwrap().unwrap();
    assert_eq!((detail.sequence, detail.account.balance.as_cents()), (2, 500));
    users.list_shows("ada", sequence, LONG).await.unwrap();
    assert_eq!(users.summaries.view().get("ada").await.unwrap().unwrap().sequence, 2);
    workers.shutdown().await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_ever_and_a_pause_is_told_apart_from_slowness() {
    let users = in_memory().await;
    // Nobody works on the read models.
    let sequence = create(&users, "ada").await;
    let late = users.list_shows("ada", sequence, Duration::ZERO).await;
    assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
    users.details.pause().await.unwrap();
    let paused = users.detail_shows("ada", sequence, Duration::ZERO).await;
    assert!(
        matches!(&paused, Err(Error::Paused { consumer }) if consumer.starts_with("user_detail")),
        "{paused:?}"
    );
    assert!(users.exists("ada").await.unwrap() && !users.exists("bo").await.unwrap());
}
