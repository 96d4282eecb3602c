//! What rules and suites are, and how they are run.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;

use futures::future::BoxFuture;

/// A rule that has not come to an end after this time hangs. Far more than the slowest backend needs.
const HANG: Duration = Duration::from_secs(300);

/// One sentence of a contract, and the test that holds an implementation to it. `T` is what is
/// tested, such as an `Arc<dyn EventStore>`.
pub struct Rule<T> {
    name: &'static str,
    test: fn(T) -> BoxFuture<'static, ()>,
}

impl<T: 'static> Rule<T> {
    pub(super) const fn new(name: &'static str, test: fn(T) -> BoxFuture<'static, ()>) -> Self {
        Self { name, test }
    }

    /// The sentence, in snake case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Holds a fresh implementation to the rule.
    ///
    /// # Panics
    ///
    /// When the rule is broken.
    pub async fn hold<M, F>(&self, make: M)
    where
        M: FnOnce() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        if let Err(panic) = self.run(make).await {
            resume_unwind(panic);
        }
    }

    /// Whether a fresh implementation keeps the rule. For tests of the suites themselves, which run
    /// them on stores that are broken on purpose.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it does not.
    pub async fn check<M, F>(&self, make: M) -> Result<(), Failure>
    where
        M: FnOnce() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        self.run(make).await.map_err(|panic| Failure { rule: self.name, message: message(&*panic) })
    }

    /// Runs the test as a task of its own, so that its panic is caught and what it holds is dropped.
    async fn run<M, F>(&self, make: M) -> Result<(), Box<dyn Any + Send>>
    where
        M: FnOnce() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        let Fixture { subject, held } = make().await.into();
        let test = tokio::spawn(tokio::time::timeout(HANG, (self.test)(subject))).await;
        drop(held);
        match test {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Box::new(format!("it did not come to an end in {HANG:?}"))),
            Err(error) => Err(error
                .try_into_panic()
                .unwrap_or_else(|error| Box::new(format!("its task was ended: {error}")))),
        }
    }
}

impl<T> fmt::Debug for Rule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.name)
    }
}

/// A rule that an implementation broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule's name.
    pub rule: &'static str,
    /// What the rule's test said.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.message)
    }
}

/// All rules of one trait.
pub struct Suite<T: 'static> {
    pub(super) name: &'static str,
    pub(super) rules: &'static [Rule<T>],
}

impl<T: 'static> Suite<T> {
    /// The suite's name, as `event_store`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The rules, in the order in which they run.
    pub fn rules(&self) -> &'static [Rule<T>] {
        self.rules
    }

    /// The rule with this name.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn rule(&self, name: &str) -> &'static Rule<T> {
        match self.rules.iter().find(|rule| rule.name == name) {
            Some(rule) => rule,
            None => panic!("the suite {} has no rule {name}", self.name),
        }
    }

    /// The rules that an implementation breaks, each with a fresh one from `make`.
    pub async fn failures<M, F>(&self, make: M) -> Vec<Failure>
    where
        M: Fn() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        let mut failures = Vec::new();
        for rule in self.rules {
            failures.extend(rule.check(&make).await.err());
        }
        failures
    }

    /// Holds an implementation to all rules.
    ///
    /// # Panics
    ///
    /// When a rule is broken, with all that are.
    pub async fn hold<M, F>(&self, make: M)
    where
        M: Fn() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        let failures = self.failures(make).await;
        let list: Vec<String> = failures.iter().map(|failure| format!("\n- {failure}")).collect();
        assert!(
            failures.is_empty(),
            "{} of {} rules of {} are broken:{}",
            failures.len(),
            self.rules.len(),
            self.name,
            list.concat()
        );
    }
}

impl<T> fmt::Debug for Suite<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("name", &self.name).field("rules", &self.rules).finish()
    }
}

/// What a factory gives for one rule: what is tested, and what must live as long. Stores become
/// fixtures by themselves; a store with more to hold does through [`holding`].
pub struct Fixture<T> {
    subject: T,
    held: Vec<Box<dyn Any + Send>>,
}

impl<T> Fixture<T> {
    pub(super) fn new(subject: T) -> Self {
        Self { subject, held: Vec::new() }
    }
}

impl<T> fmt::Debug for Fixture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}

/// A store together with something that is dropped after it: see [`holding`].
#[derive(Debug)]
pub struct Holding<S, H> {
    store: S,
    held: H,
}

/// Keeps `held`, such as a temporary directory, until a rule is done with `store`.
pub fn holding<S, H>(store: S, held: H) -> Holding<S, H> {
    Holding { store, held }
}

impl<T, S: Into<Fixture<T>>, H: Send + 'static> From<Holding<S, H>> for Fixture<T> {
    fn from(Holding { store, held }: Holding<S, H>) -> Self {
        let mut fixture = store.into();
        fixture.held.push(Box::new(held));
        fixture
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    match text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)) {
        Some(text) => text.to_owned(),
        None => "it panicked without a message".to_owned(),
    }
}
