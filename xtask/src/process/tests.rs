//! The program used here is cargo itself: it is there wherever these tests run.

use super::*;

#[test]
fn what_a_program_prints_is_passed_on_and_copied() {
    let mut screen = Vec::new();
    let (status, copy) = tee_to(cargo(["--version"]), &mut screen).expect("cargo runs");
    assert!(status.success());
    assert!(copy.starts_with("cargo "), "{copy}");
    assert_eq!(screen, copy.as_bytes());
}

#[test]
fn standard_error_is_passed_on_too_and_a_bad_exit_is_told() {
    let mut screen = Vec::new();
    let (status, copy) = tee_to(cargo(["no-such-command"]), &mut screen).expect("cargo runs");
    assert!(!status.success());
    assert!(copy.contains("no-such-command"), "{copy}");
}

#[test]
fn a_failure_names_the_command() {
    let mut command = cargo(["no-such-command", "--flag"]);
    command.stderr(Stdio::null());
    let error = run(command).expect_err("there is no such command");
    assert!(error.to_string().starts_with("`cargo no-such-command --flag` failed"), "{error}");
}

#[test]
fn a_program_that_does_not_exist_has_its_cause() {
    let error = run(Command::new("no-such-program")).expect_err("there is no such program");
    assert_eq!(error.to_string(), "`no-such-program` could not be run");
    assert!(error.source().is_some());
    assert!(!succeeds_quietly(Command::new("no-such-program")));
}

#[test]
fn a_shown_command_can_be_pasted_into_a_shell() {
    let mut command = cargo(["bench", "--bench", "*", "it's", ""]);
    command.env("RUSTDOCFLAGS", "-Dwarnings");
    assert_eq!(shown(&command), r"RUSTDOCFLAGS=-Dwarnings cargo bench --bench '*' 'it'\''s' ''");
}

#[test]
fn a_program_without_an_account_is_told_of_none() {
    let mut command = cargo(["--version"]);
    command.env_clear();
    let variables = ["AWS_PROFILE", "AWS_ENDPOINT_URL", "PATH", "LAWS_"].map(OsString::from);
    without_account_in(
        command.envs(variables.iter().map(|name| (name, "x"))),
        variables.clone().into_iter(),
    );
    assert_eq!(shown(&command), "LAWS_=x PATH=x cargo --version");
}

#[test]
fn what_a_program_prints_is_returned_unless_it_fails() {
    assert!(output(cargo(["--version"])).expect("cargo runs").starts_with("cargo "));
    output(cargo(["no-such-command"])).expect_err("there is no such command");
    assert_eq!(output_quietly(cargo(["no-such-command"])), None);
}
