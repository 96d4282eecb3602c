//! Rules that a service cannot keep.

use std::future::Future;

use super::rule::{Fixture, Rule, Suite};

/// A rule that a service cannot keep, with the reason: for a backend that promises less than its trait, says
/// so in its documentation, and keeps all the rest.
///
/// The rule runs all the same, and has to be broken: an exception that is not needed is a fault. The reason is
/// printed beside what was broken.
///
/// ```
/// use es_core::testing::conformance::Exception;
///
/// const EXCEPTIONS: [Exception; 1] = [Exception {
///     rule: "a_receive_waits_as_long_as_asked",
///     reason: "the service answers after a second",
/// }];
///
/// # #[cfg(any())] // The macros expand to tests, which a documentation test does not run.
/// es_core::message_queue_conformance!(|| async { super::open().await }, except: EXCEPTIONS);
/// # let _ = EXCEPTIONS;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exception {
    /// The rule's name.
    pub rule: &'static str,
    /// Why it cannot be kept.
    pub reason: &'static str,
}

impl<T: 'static> Suite<T> {
    /// Holds a fresh implementation to the rule of this name, or, if it is one of `exceptions`, to breaking
    /// it.
    ///
    /// # Panics
    ///
    /// When the rule is broken and no exception, when it is an exception and kept, and when it or an
    /// exception is no rule of this suite.
    pub async fn hold_rule_except<M, F>(&self, rule: &str, exceptions: &[Exception], make: M)
    where
        M: FnOnce() -> F,
        F: Future<Output: Into<Fixture<T>>>,
    {
        let known = exceptions.iter().map(|exception| (self.rule(exception.rule), exception));
        let known: Vec<_> = known.collect();
        match known.into_iter().find(|(excepted, _)| excepted.name() == rule) {
            Some((rule, Exception { reason, .. })) => assert_broken(rule, reason, make).await,
            None => self.rule(rule).hold(make).await,
        }
    }
}

async fn assert_broken<T: 'static, M, F>(rule: &Rule<T>, reason: &str, make: M)
where
    M: FnOnce() -> F,
    F: Future<Output: Into<Fixture<T>>>,
{
    match rule.check(make).await {
        Ok(()) => panic!("{} is kept: it is no exception", rule.name()),
        Err(broken) => println!("an exception, as {reason}: {broken}"),
    }
}
