//! What DynamoDB does with the stream of the log: records come late, in another order, and again; shards
//! split; iterators expire; a day goes by.

use std::cell::Cell;
use std::collections::HashSet;
use std::time::Duration;

use crate::world::{Item, World};

/// How bad it is.
#[derive(Debug, Default)]
pub(crate) struct Moods {
    /// The stream behaves from now on.
    pub(crate) calm: Cell<bool>,
    /// How many more times a day goes by.
    pub(crate) days: Cell<u32>,
}

struct Life<'a> {
    world: &'a World,
    moods: &'a Moods,
    random: fastrand::Rng,
    /// The keys of the items that were found.
    known: HashSet<[String; 2]>,
    /// Those that the stream does not show yet.
    late: Vec<Item>,
    shown: Vec<Item>,
}

/// Goes on for ever.
pub(crate) async fn live(world: &World, moods: &Moods, seed: u64) {
    let random = fastrand::Rng::with_seed(seed);
    let (known, late, shown) = Default::default();
    let mut life = Life { world, moods, random, known, late, shown };
    loop {
        life.look_for_new_items().await;
        if moods.calm.get() {
            life.settle();
        } else {
            life.go_on();
        }
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

impl Life<'_> {
    async fn look_for_new_items(&mut self) {
        for item in self.world.log_items().await {
            if self.known.insert(["pk", "sk"].map(|name| format!("{:?}", item[name]))) {
                self.late.push(item);
            }
        }
    }

    fn show(&mut self, most: usize) {
        let mut model = self.world.stream.model();
        let open = model.open_shards();
        for _ in 0..most.min(self.late.len()) {
            let item = self.late.swap_remove(self.random.usize(..self.late.len()));
            model.record(open[self.random.usize(..open.len())], &item);
            self.shown.push(item);
            if self.random.u8(..4) == 0 {
                let again = &self.shown[self.random.usize(..self.shown.len())];
                model.record(open[self.random.usize(..open.len())], again);
            }
        }
    }

    fn go_on(&mut self) {
        match self.random.u8(..20) {
            0..10 => self.show(4),
            10 | 11 => self.split(),
            12 => self.world.stream.model().expire(),
            13 => self.world.stream.model().empty_answers = self.random.usize(..8),
            14 => {
                let mut model = self.world.stream.model();
                model.refuse = self.random.usize(1..3);
                model.refusal =
                    ["LimitExceededException", "InternalServerError"][self.random.usize(..2)];
            }
            15 => self.world.stream.model().shards_per_page = self.random.usize(1..4),
            16..19 if self.moods.days.get() > 0 => {
                self.moods.days.set(self.moods.days.get() - 1);
                self.world.stream.model().age();
                self.world.clock.advance(Duration::from_secs(24 * 3_600));
            }
            _ => {}
        }
    }

    fn split(&mut self) {
        let mut model = self.world.stream.model();
        let open = model.open_shards();
        if open.len() < 3 {
            let children = self.random.usize(1..=2);
            model.split(open[self.random.usize(..open.len())], children);
        }
    }

    fn settle(&mut self) {
        self.show(usize::MAX);
        let mut model = self.world.stream.model();
        model.empty_answers = 0;
        model.refuse = 0;
    }
}
