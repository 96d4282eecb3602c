//! Deploying a template to the local server with the SAM command line, as it is deployed to AWS.

use std::{
    error::Error,
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    Stack,
    failures::{self, Failure},
    requests::{self, REGION, elements, text_of},
};
use crate::{
    examples::Example,
    package::Architecture,
    process,
    servers::Place,
    tools::{SAM, python},
};

/// Where the code of functions and the template are put.
const BUCKET: &str = "deployments";
/// How long a stack may take until it is deleted.
const PATIENCE: Duration = Duration::from_secs(120);

/// A template as it is checked in.
#[derive(Debug)]
pub(super) struct Template {
    /// From the root of the workspace.
    path: PathBuf,
    /// Those parameters of its own that a deployment on this machine gives a value to.
    local: Vec<String>,
}

/// A stack that is deployed.
#[derive(Debug)]
pub(super) struct Deployment {
    /// Names and values.
    pub(super) outputs: Vec<(String, String)>,
}

impl Template {
    /// # Errors
    ///
    /// When the example has none, or it cannot be read.
    pub(super) fn of(example: &Example) -> Result<Self, Box<dyn Error>> {
        let path = example.template();
        let text = fs::read_to_string(&path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let template: Value = serde_json::from_str(&text)
            .map_err(|error| format!("{} is no JSON: {error}", path.display()))?;
        // The API of a server of this machine is open to who is on it.
        let here = [("Architecture", Architecture::here().name()), ("Access", "Open")];
        let has = |name: &str| template["Parameters"][name].is_object();
        let local = here.into_iter().filter(|(name, _)| has(name));
        let local = local.map(|(name, value)| format!("{name}={value}")).collect();
        let path = path.strip_prefix(process::root())?.to_owned();
        Ok(Self { path, local })
    }
}

impl Deployment {
    /// Where the HTTP API of the stack answers on this machine, if it has one.
    pub(super) fn local_url(&self, place: &Place) -> Option<String> {
        let api = self.outputs.iter().find_map(|(_, value)| api_id(value))?;
        Some(format!("{}/_aws/execute-api/{api}/$default/", place.endpoint()))
    }
}

/// The id of the API in its address, `https://ID.execute-api.REGION.amazonaws.com`.
fn api_id(url: &str) -> Option<&str> {
    let (_, host) = url.split_once("://")?;
    let (id, _) = host.split_once(".execute-api.")?;
    Some(id)
}

/// Deploys a stack, or updates it, with `NAME=VALUE` for parameters.
///
/// # Errors
///
/// When a resource cannot be made: says which, and why.
pub(super) fn deploy(
    place: &Place,
    stack: &Stack,
    template: &Template,
    parameters: &[String],
) -> Result<Deployment, Box<dyn Error>> {
    let name = &stack.name;
    if status(place, name)?.is_some_and(|status| cannot_be_updated(&status)) {
        eprintln!("==> deleting what a failed deployment has left of the stack {name}");
        delete(place, name)?;
    }
    requests::make_bucket(place, BUCKET)?;

    let log = place.folder().join(format!("deploy-{name}.log"));
    let mut sam = sam_deploy(stack, template, parameters)?;
    answered_by(&mut sam, place);
    eprintln!("==> {}", process::shown_arguments(&sam));
    let output = fs::File::create(&log)?;
    sam.stdout(output.try_clone()?).stderr(output);
    let outcome = process::run(sam);

    let failures = last_failures(place, name)?;
    match outcome {
        // A server that says success and has not made everything is not believed.
        _ if !failures.is_empty() => Err(told(name, &failures).into()),
        Ok(()) => Ok(Deployment { outputs: outputs(place, name)? }),
        Err(error) => {
            eprintln!("{}", fs::read_to_string(&log).unwrap_or_default().trim_end());
            Err(error.into())
        }
    }
}

/// Deletes a stack and waits until it is gone.
///
/// # Errors
///
/// When there is none, or a resource cannot be deleted: says which, and why.
pub(super) fn delete(place: &Place, stack: &str) -> Result<(), Box<dyn Error>> {
    if status(place, stack)?.is_none() {
        return Err(format!("there is no stack {stack} at {}", place.endpoint()).into());
    }
    requests::cloudformation(place, "DeleteStack", stack)?;
    let begun = Instant::now();
    while let Some(status) = status(place, stack)? {
        if status == "DELETE_FAILED" || begun.elapsed() > PATIENCE {
            return Err(told(stack, &last_failures(place, stack)?).into());
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

fn last_failures(place: &Place, stack: &str) -> Result<Vec<Failure>, requests::Error> {
    match requests::cloudformation(place, "DescribeStackEvents", stack) {
        Ok(events) => Ok(failures::of_last_change(&events, stack)),
        Err(error) if error.says(NO_STACK) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn told(stack: &str, failures: &[Failure]) -> String {
    let lines: String = failures.iter().map(|failure| format!("\n  {failure}")).collect();
    format!("the stack {stack} is not as its template says:{lines}")
}

/// How far a stack is; `None` when there is none.
fn status(place: &Place, stack: &str) -> Result<Option<String>, requests::Error> {
    match requests::cloudformation(place, "DescribeStacks", stack) {
        Ok(stacks) => {
            let status = text_of(&stacks, "StackStatus");
            Ok((status != "DELETE_COMPLETE").then_some(status))
        }
        Err(error) if error.says(NO_STACK) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What CloudFormation says of a stack that there is none.
const NO_STACK: &str = "does not exist";

/// Whether CloudFormation would refuse to update a stack in this state.
fn cannot_be_updated(status: &str) -> bool {
    matches!(status, "ROLLBACK_COMPLETE" | "REVIEW_IN_PROGRESS") || status.ends_with("_FAILED")
}

fn outputs(place: &Place, stack: &str) -> Result<Vec<(String, String)>, requests::Error> {
    Ok(outputs_in(&requests::cloudformation(place, "DescribeStacks", stack)?))
}

/// The outputs of a stack in what CloudFormation says of it.
fn outputs_in(stacks: &str) -> Vec<(String, String)> {
    let outputs = elements(stacks, "Outputs").into_iter().flat_map(|all| elements(all, "member"));
    outputs.map(|output| (text_of(output, "OutputKey"), text_of(output, "OutputValue"))).collect()
}

fn sam_deploy(
    stack: &Stack,
    template: &Template,
    parameters: &[String],
) -> Result<Command, Box<dyn Error>> {
    let mut sam = Command::new(python::program(&SAM.home()?, "sam"));
    sam.arg("deploy").arg("--template-file").arg(&template.path);
    sam.args(["--stack-name", &stack.name, "--s3-bucket", BUCKET]);
    sam.args(["--region", REGION, "--capabilities", "CAPABILITY_IAM"]);
    sam.args(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]);
    // What was asked for comes last, and counts.
    let overrides: Vec<&String> = template.local.iter().chain(parameters).collect();
    if !overrides.is_empty() {
        sam.arg("--parameter-overrides").args(overrides);
    }
    Ok(sam)
}

/// Has a program ask the local server, and nobody else whatever is configured on this machine.
fn answered_by(command: &mut Command, place: &Place) {
    process::without_account(command);
    let nowhere = place.folder().join("no-configuration");
    command
        .current_dir(process::root())
        .env("AWS_ENDPOINT_URL", place.endpoint())
        .envs([("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local")])
        .envs([("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION)])
        .envs([("AWS_CONFIG_FILE", &nowhere), ("AWS_SHARED_CREDENTIALS_FILE", &nowhere)])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("SAM_CLI_TELEMETRY", "0");
}

#[cfg(test)]
mod tests;
