//! Small histories for tests of one kind of fault.

use es_core::testing::SeededEntropy;
use es_core::{
    Codec, CommitId, Compression, EncodedEvents, EventStore as _, Expected, NewCommit, StreamId,
    Timestamp,
};

use crate::support::ledger::{lines, stream};
use crate::world::{Item, World};

impl World {
    /// Without any fault but those that the test scripts, and with these commands entered.
    pub(crate) async fn with_commits(numbers: std::ops::Range<u64>) -> Self {
        let world = Self::without_waiting().await;
        world.enter(numbers).await;
        world
    }

    /// Another program enters commands, in two ledgers by turns.
    pub(crate) async fn enter(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let id = ["a", "b"][(number % 2) as usize];
            let head = self.plain.head(&stream(id)).await.expect("the log answers");
            let before = head.map_or(0, |head| head.version().get());
            let commit = commit(number, before);
            let appended = self.plain.append(&stream(id), Expected::end(head), commit).await;
            appended.expect("nothing is in its way");
            self.show(&stream(id), before + 1).await;
        }
    }

    /// Puts the record of a commit into the stream.
    async fn show(&self, stream: &StreamId, first_version: u64) {
        let key =
            |item: &Item| Some((item["pk"].as_s().ok()?.clone(), item["sk"].as_n().ok()?.clone()));
        let asked = Some((stream.to_string(), first_version.to_string()));
        let items = self.log_items().await;
        let item = items.iter().find(|item| key(item) == asked).expect("it was appended");
        let mut model = self.stream.model();
        let open = model.open_shards()[0];
        model.record(open, item);
    }
}

/// What a writer commits that knows only how many lines there are.
pub(crate) fn commit(number: u64, before: u64) -> NewCommit {
    let events = lines(number, before);
    let events = EncodedEvents::encode(&events, Codec::Json, Compression::None, 0);
    // Later numbers come later.
    let time = 1_767_225_600_000 + i64::try_from(number).expect("a small number");
    let time = Timestamp::from_millisecond(time).expect("a time");
    let id = CommitId::generate(time, &SeededEntropy::new(number));
    NewCommit::new(id, time, Default::default(), events.expect("encodable events"))
}
