//! One request on its way through the faults.

use crate::error::{Error, Result};

use super::{Call, Fault, Faults, Injection};

pub(super) struct Request<'a> {
    faults: &'a Faults,
    call: Call,
    nth: u64,
    due: Vec<Fault>,
}

impl Faults {
    /// A request, as far as the wrapped part: it may be late, or not come through at all.
    pub(super) async fn begin(&self, call: Call) -> Result<Request<'_>> {
        let (nth, due) = self.state().decide(call);
        let request = Request { faults: self, call, nth, due };
        self.suspend().await;
        if request.meets(Fault::Delay) {
            let (clock, delay) = self.state().delay();
            clock.sleep(delay).await;
        }
        let throttled = self.state().throttle(request.is_due(Fault::Throttling));
        if throttled {
            return Err(request.unavailable(Fault::Throttling));
        }
        if request.is_due(Fault::LostRequest) {
            return Err(request.unavailable(Fault::LostRequest));
        }
        Ok(request)
    }

    /// A request without more to it than that it may be lost, on its way there or back.
    pub(super) async fn pass<T>(
        &self,
        call: Call,
        inner: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let request = self.begin(call).await?;
        request.end(inner.await).await
    }

    async fn suspend(&self) {
        let suspends = self.state().suspends;
        if suspends {
            tokio::task::yield_now().await;
        }
    }
}

impl Request<'_> {
    /// Whether the fault is due; nothing has happened yet.
    pub(super) fn is_due(&self, fault: Fault) -> bool {
        self.due.contains(&fault)
    }

    /// Whether the fault is due; if so it counts as injected, and the caller sees to it.
    pub(super) fn meets(&self, fault: Fault) -> bool {
        let due = self.is_due(fault);
        if due {
            self.inject(fault);
        }
        due
    }

    /// Injects the fault whose effect is that the caller learns nothing.
    pub(super) fn unavailable(&self, fault: Fault) -> Error {
        let injection = self.inject(fault);
        Error::Unavailable { what: format!("{:?}", self.call), source: injection.into() }
    }

    /// The way back.
    pub(super) async fn end<T>(&self, result: Result<T>) -> Result<T> {
        self.faults.suspend().await;
        match result {
            Ok(_) if self.is_due(Fault::LostAcknowledgement) => {
                Err(self.unavailable(Fault::LostAcknowledgement))
            }
            result => result,
        }
    }

    /// A random number of the faults' own.
    pub(super) fn random(&self) -> u64 {
        self.faults.state().rng.u64(..)
    }

    /// A random index into something of this length, which is not empty.
    pub(super) fn index(&self, len: usize) -> usize {
        self.faults.state().rng.usize(..len)
    }

    pub(super) fn shuffle<T>(&self, items: &mut [T]) {
        self.faults.state().rng.shuffle(items);
    }

    pub(super) fn call(&self) -> Call {
        self.call
    }

    /// Counts the fault as injected.
    pub(super) fn inject(&self, fault: Fault) -> Injection {
        let injection = Injection { call: self.call, nth: self.nth, fault };
        self.faults.state().injections.push(injection);
        injection
    }
}
