use std::error::Error as StdError;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// What a command fails with.
pub type AnyError = Box<dyn StdError + Send + Sync>;

/// What is logged without `RUST_LOG`. What keeps a service from answering is in our own errors.
const LOGGED: &str = "warn,aws_config=error,dynoxide=error";

/// Runs a command to its end. What failed is said on standard error, in one line that begins with
/// `error: `.
pub fn run(command: impl Future<Output = Result<(), AnyError>>) -> ExitCode {
    run_without(&[], command)
}

/// The same, and what these modules log is nothing new to whoever runs it: without `RUST_LOG` it is not
/// shown.
pub fn run_without(
    modules: &[&str],
    command: impl Future<Output = Result<(), AnyError>>,
) -> ExitCode {
    let quiet = modules.iter().map(|module| format!(",{module}=off"));
    let logged = quiet.fold(LOGGED.to_owned(), |all, quiet| all + &quiet);
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(logged));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

fn fail(error: &(dyn StdError + 'static)) -> ExitCode {
    eprintln!("error: {}", sentence(error));
    ExitCode::FAILURE
}

/// What failed, and why, down to the cause.
pub fn sentence(error: &(dyn StdError + 'static)) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Some errors repeat their cause in their own text.
        if !sentence.contains(&reason) {
            sentence.push_str(": ");
            sentence.push_str(&reason);
        }
        cause = error.source();
    }
    sentence
}
