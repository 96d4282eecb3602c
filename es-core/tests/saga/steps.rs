use std::sync::Arc;

use es_core::memory::MemoryStore;
use es_core::saga::{Saga, Step, Steps, sagas};
use es_core::{Correlation, Error, Recorded};
use serde::{Deserialize, Serialize};

use crate::shop::{Shop, ShopCommand, ShopEvent};

macro_rules! saga_with_steps {
    ($name:ident, $steps:expr) => {
        #[derive(Serialize, Deserialize)]
        struct $name;

        impl Saga for $name {
            const NAME: &'static str = "misfit";
            const CATEGORIES: &'static [&'static str] = &["order"];
            type Input = ShopEvent;
            type Command = ShopCommand;

            fn correlate(_: &Recorded<'_, &ShopEvent>) -> Correlation {
                Correlation::Ignore
            }

            fn begin(_: &Recorded<'_, &ShopEvent>) -> Option<Self> {
                None
            }

            fn steps() -> Steps<Self> {
                $steps
            }
        }
    };
}

fn ship<S>(_: &S) -> ShopCommand {
    ShopCommand::Ship { order: "o-1".to_owned() }
}

fn refusal<S: Saga<Input = ShopEvent, Command = ShopCommand>>() -> String {
    let store = Arc::new(MemoryStore::new());
    let shop = Shop::on(store.clone());
    match sagas::<S>(store.clone(), shop, store) {
        Ok(_) => panic!("the steps were accepted"),
        Err(error @ (Error::Misuse(_) | Error::InvalidId { .. })) => error.to_string(),
        Err(error) => panic!("another error: {error}"),
    }
}

#[test]
fn steps_that_do_not_fit_together_are_refused() {
    saga_with_steps!(Nothing, Steps::new());
    saga_with_steps!(Twice, Steps::new().step(Step::new("a", ship)).step(Step::new("a", ship)));
    saga_with_steps!(Unknown, Steps::new().step(Step::new("a", ship).after("b")));
    saga_with_steps!(
        Circle,
        Steps::new().step(Step::new("a", ship).after("b")).step(Step::new("b", ship).after("a"))
    );
    saga_with_steps!(
        TwoPoints,
        Steps::new()
            .step(Step::new("a", ship).point_of_no_return())
            .step(Step::new("b", ship).point_of_no_return())
    );
    saga_with_steps!(
        NoWayBack,
        Steps::new()
            .step(Step::new("a", ship).point_of_no_return())
            .step(Step::new("b", ship).undone_by(ship))
    );
    saga_with_steps!(Endless, Steps::new().step(Step::new("a", ship).until_answered()));
    saga_with_steps!(NothingToUndo, Steps::new().step(Step::new("a", ship).undone_when_rejected()));
    saga_with_steps!(Nameless, Steps::new().step(Step::new("", ship)));

    assert_eq!(refusal::<Nothing>(), "the saga misfit: it has no steps");
    assert_eq!(refusal::<Twice>(), "the saga misfit: two steps are called \"a\"");
    assert_eq!(refusal::<TwoPoints>(), "the saga misfit: it has two points of no return");
    assert!(refusal::<Endless>().contains("neither it nor the saga has a time for it"));
    assert!(refusal::<NothingToUndo>().contains("nothing undoes it"));
    assert!(refusal::<NoWayBack>().contains("the step \"b\" has no way back"));
    for refusal in [refusal::<Unknown>(), refusal::<Circle>()] {
        assert_eq!(
            refusal,
            "the saga misfit: the step \"a\" waits for \"b\", which is not before it"
        );
    }
    assert!(refusal::<Nameless>().contains("it is empty"));
}
