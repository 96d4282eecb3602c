//! What all functions have in common: how they run, and how they are told what time is.

/// The methods `with_clock` and `with_reserve` of a function with a field `time`.
macro_rules! options_of_time {
    () => {
        /// Tells by `clock` how much time is left, and waits by it.
        pub fn with_clock(mut self, clock: std::sync::Arc<dyn es_core::Clock>) -> Self {
            self.time = self.time.with_clock(clock);
            self
        }

        /// Ends all work `reserve` before the invocation is over, 1 s unless given: for the records of what was done,
        /// and for the answer.
        pub fn with_reserve(mut self, reserve: std::time::Duration) -> Self {
            self.time = self.time.with_reserve(reserve);
            self
        }
    };
}

/// The method `run` of a function that has `invoke`.
macro_rules! run {
    () => {
        /// Handles events until Lambda ends the program.
        ///
        /// # Errors
        ///
        /// Those of the runtime. What happens in an invocation is its answer.
        pub async fn run(self) -> Result<(), lambda_runtime::Error> {
            let this = &self;
            // Boxed: the runtime's layers around it are as deep as the compiler looks into types.
            let invoke = move |event| Box::pin(this.invoke(event));
            lambda_runtime::run(lambda_runtime::service_fn(invoke)).await
        }
    };
}

pub(crate) use {options_of_time, run};
