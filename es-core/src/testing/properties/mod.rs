use std::any::type_name;
use std::fmt::{self, Debug, Write as _};
use std::marker::PhantomData;

use proptest::collection::vec;
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use crate::aggregate::{Aggregate, Snapshot};

use super::differences::difference;

mod folding;
mod storing;

/// What every aggregate should keep, checked with commands that proptest makes up.
///
/// An aggregate that breaks one of these properties works in most tests, and is wrong when a command
/// is decided again after a conflict, when a snapshot is loaded, or after the next start of the program.
/// One line makes a test of each, from a strategy for commands:
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// use proptest::prelude::*;
///
/// fn any_command() -> impl Strategy<Value = AccountCommand> {
///     prop_oneof![
///         (0..10_u64).prop_map(AccountCommand::Credit),
///         (0..10_u64).prop_map(AccountCommand::Debit),
///     ]
/// }
///
/// # #[cfg(any())] // The macro expands to tests, which a documentation test does not run.
/// mod properties {
///     es_core::aggregate_properties!(super::Account, super::any_command());
/// }
/// # fn main() {}
/// ```
///
/// | property | what breaks it |
/// |---|---|
/// | [`handle_is_deterministic`](Self::handle_is_deterministic) | time, randomness, the order of a `HashMap`, a count of calls |
/// | [`handle_changes_nothing`](Self::handle_changes_nothing) | a cell or a lock in the state that `handle` writes to |
/// | [`events_can_be_applied`](Self::events_can_be_applied) | a panic in `apply`, as an overflow |
/// | [`events_survive_storage`](Self::events_survive_storage) | serde attributes that lose or change something |
/// | [`replay_gives_the_state`](Self::replay_gives_the_state) | an `apply` that uses more than the state and the event |
/// | [`snapshots_change_nothing`](Self::snapshots_change_nothing) | a state that is not all in its serialized form |
/// | [`caching_changes_nothing`](Self::caching_changes_nothing) | what is not folded from events, and so is gone when the state is read |
/// | `postcard_changes_nothing` (feature `postcard`) | serde attributes that [`Codec::Postcard`](crate::Codec::Postcard) cannot do |
/// | `compression_changes_nothing` (feature `zstd`) | nothing that is known: it shows that the option is safe |
///
/// To check some of them, name them: as for an aggregate without snapshots, or one whose events are
/// never stored with postcard.
///
/// ```
/// # #[cfg(any())]
/// es_core::aggregate_properties!(
///     Account,
///     any_command(),
///     [handle_is_deterministic, events_survive_storage, replay_gives_the_state],
/// );
/// # fn main() {}
/// ```
///
/// Each property can also be checked by calling it, with another number of cases or commands:
///
/// ```
/// # mod doc {
/// #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/account.rs"));
/// # }
/// # use doc::*;
/// # use proptest::prelude::*;
/// use es_core::testing::AggregateProperties;
///
/// let credits = (0..10_u64).prop_map(AccountCommand::Credit);
/// AggregateProperties::<Account, _>::new(credits).cases(20).replay_gives_the_state();
/// ```
///
/// # Failures
///
/// A failure shows the fewest commands that still break the property, what differed, and the seed that
/// they came from. `ES_PROPERTY_SEED` in the environment makes them again; without it every run has
/// another seed. `PROPTEST_CASES` sets the number of cases, 256 unless given.
///
/// Commands are made up without regard to the state, so a strategy should have few ids and small
/// values: then commands meet each other's effects instead of being rejected.
#[must_use]
pub struct AggregateProperties<A, S> {
    command: S,
    cases: u32,
    max_commands: usize,
    seed: u64,
    aggregate: PhantomData<fn() -> A>,
}

/// Makes a test of every property of an aggregate, or of those that are named: see
/// [`AggregateProperties`](crate::testing::AggregateProperties).
///
/// The arguments are the aggregate, an expression for a proptest strategy of its commands, and
/// optionally a list of properties.
#[macro_export]
macro_rules! aggregate_properties {
    ($aggregate:ty, $commands:expr $(,)?) => {
        $crate::aggregate_properties!($aggregate, $commands, [
            handle_is_deterministic,
            handle_changes_nothing,
            events_can_be_applied,
            events_survive_storage,
            replay_gives_the_state,
            snapshots_change_nothing,
            caching_changes_nothing,
        ]);
        $crate::__postcard_property!($aggregate, $commands);
        $crate::__compression_property!($aggregate, $commands);
    };
    ($aggregate:ty, $commands:expr, [ $( $property:ident ),+ $(,)? ] $(,)?) => {
        $(
            #[test]
            fn $property() {
                $crate::testing::AggregateProperties::<$aggregate, _>::new($commands).$property();
            }
        )+
    };
}

/// Makes `$macro` a macro for the test of `$property`, if this crate has `$feature`.
macro_rules! property_of_feature {
    (($d:tt) $macro:ident, $property:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
                    ($d aggregate:ty, $d commands:expr) => {
                        $crate::aggregate_properties!($d aggregate, $d commands, [$property]);
                    };
                }

        #[cfg(not(feature = $feature))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($d aggregate:ty, $d commands:expr) => {};
        }
    };
}

property_of_feature!(($) __postcard_property, postcard_changes_nothing, "postcard");
property_of_feature!(($) __compression_property, compression_changes_nothing, "zstd");

/// The environment variable with the seed.
const SEED: &str = "ES_PROPERTY_SEED";

impl<A, S> AggregateProperties<A, S>
where
    A: Aggregate<Command: Debug, Event: Debug + PartialEq> + Debug + PartialEq,
    S: Strategy<Value = A::Command>,
{
    /// The properties of `A`, with commands that `command` makes.
    pub fn new(command: S) -> Self {
        let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        Self {
            command,
            cases: Config::default().cases,
            max_commands: 20,
            seed: seed.unwrap_or_else(|| fastrand::u64(..)),
            aggregate: PhantomData,
        }
    }

    /// Tries so many lists of commands.
    pub fn cases(mut self, cases: u32) -> Self {
        self.cases = cases;
        self
    }

    /// Makes lists of up to so many commands; 20 unless given.
    pub fn max_commands(mut self, commands: usize) -> Self {
        self.max_commands = commands;
        self
    }

    /// Makes the same commands in every run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// On the same state, the same command has the same outcome: however often it is handled, and
    /// whatever else was handled before. A command is decided again after a conflict.
    ///
    /// # Panics
    ///
    /// When the property is broken, as all properties.
    #[track_caller]
    pub fn handle_is_deterministic(self) {
        self.hold("handle_is_deterministic", folding::handle_is_deterministic::<A>);
    }

    /// Deciding changes nothing, whether the command is carried out or rejected: only events do.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn handle_changes_nothing(self) {
        self.hold("handle_changes_nothing", folding::handle_changes_nothing::<A>);
    }

    /// What `handle` gives, `apply` takes without a panic.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn events_can_be_applied(self) {
        self.hold("events_can_be_applied", folding::events_can_be_applied::<A>);
    }

    /// Every event is read from storage as it was before.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn events_survive_storage(self) {
        self.hold("events_survive_storage", folding::events_survive_storage::<A>);
    }

    /// The state that took each event when it happened is the state that takes them from storage.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn replay_gives_the_state(self) {
        self.hold("replay_gives_the_state", folding::replay_gives_the_state::<A>);
    }

    /// Commands have the same outcomes, and lead to the same state, with snapshots after every event,
    /// every second and every third one as without.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn snapshots_change_nothing(self)
    where
        A: Snapshot,
    {
        self.hold("snapshots_change_nothing", storing::snapshots_change_nothing::<A>);
    }

    /// Commands have the same outcomes, and lead to the same state, whether the state is kept in
    /// memory between them or read again.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[track_caller]
    pub fn caching_changes_nothing(self) {
        self.hold("caching_changes_nothing", storing::caching_changes_nothing::<A>);
    }

    /// Commands have the same outcomes, and lead to the same state, when events are stored with
    /// [`Codec::Postcard`](crate::Codec::Postcard).
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[cfg(feature = "postcard")]
    #[track_caller]
    pub fn postcard_changes_nothing(self) {
        self.hold("postcard_changes_nothing", storing::postcard_changes_nothing::<A>);
    }

    /// Commands have the same outcomes, and lead to the same state, when events are compressed.
    ///
    /// # Panics
    ///
    /// When the property is broken.
    #[cfg(feature = "zstd")]
    #[track_caller]
    pub fn compression_changes_nothing(self) {
        self.hold("compression_changes_nothing", storing::compression_changes_nothing::<A>);
    }

    /// Tries the check on lists of commands, and on ever fewer when it fails.
    #[track_caller]
    fn hold(self, property: &str, check: fn(&[A::Command]) -> Check) {
        let config = Config {
            cases: self.cases,
            rng_seed: RngSeed::Fixed(self.seed),
            // The seed is shown, and nothing is written next to the sources.
            failure_persistence: None,
            ..Config::default()
        };
        let commands = vec(self.command, 0..=self.max_commands);
        let outcome = TestRunner::new(config)
            .run(&commands, |commands| check(&commands).map_err(TestCaseError::fail));
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, commands)) => panic!(
                "{} breaks the property `{property}`. The fewest commands found that show it:\n\n\
                 {}\n{reason}\n\nThe same commands are made again with {SEED}={}",
                type_name::<A>(),
                numbered(&commands),
                self.seed
            ),
            Err(TestError::Abort(reason)) => panic!("the strategy makes no commands: {reason}"),
        }
    }
}

/// `Err` says what is wrong.
type Check = Result<(), String>;

fn numbered<C: Debug>(commands: &[C]) -> String {
    if commands.is_empty() {
        return "    none\n".to_owned();
    }
    (1..).zip(commands).fold(String::new(), |mut list, (number, command)| {
        // Writing to a string does not fail.
        let _ = writeln!(list, "    {number}. {command:?}");
        list
    })
}

/// Both are the same, or what differs.
fn same<T: Debug + PartialEq>(message: &str, expected: &T, actual: &T) -> Check {
    if expected == actual {
        return Ok(());
    }
    let (expected, actual) = (format!("{expected:#?}\n"), format!("{actual:#?}\n"));
    if expected == actual {
        return Err(format!("{message}. They look the same, but are not equal:\n\n{actual}"));
    }
    Err(format!("{message}\n{}", difference(&expected, &actual)))
}

/// What a decision led to. Rejections are compared as they look: errors have no equality.
#[derive(Debug, PartialEq)]
enum Outcome<E> {
    Events(Vec<E>),
    Rejected(String),
}

impl<E> Outcome<E> {
    fn of<D: Debug>(decision: Result<Vec<E>, D>) -> Self {
        match decision {
            Ok(events) => Self::Events(events),
            Err(rejection) => Self::Rejected(format!("{rejection:?}")),
        }
    }

    /// The events; none when it was rejected.
    fn into_events(self) -> Vec<E> {
        match self {
            Self::Events(events) => events,
            Self::Rejected(_) => Vec::new(),
        }
    }
}

impl<A: Aggregate, S> Debug for AggregateProperties<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateProperties")
            .field("category", &A::CATEGORY)
            .field("cases", &self.cases)
            .field("max_commands", &self.max_commands)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
