use clap::CommandFactory;

use super::*;

fn parsed(line: &str) -> Result<Command, clap::Error> {
    let words = line.split_whitespace();
    Cli::try_parse_from(["cargo xtask"].into_iter().chain(words)).map(|cli| cli.command)
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn functions_are_compiled_for_arm_unless_said_otherwise() {
    let Ok(Command::Package { arch, profile, local, .. }) = parsed("package orders") else {
        panic!("`package` takes an example");
    };
    assert_eq!((arch, profile.as_str(), local), (Architecture::Arm64, "lambda", false));
    let x86_64 = parsed("package orders --arch x86_64 --profile release");
    assert!(matches!(x86_64, Ok(Command::Package { arch: Architecture::X86_64, .. })));
    parsed("package orders --local --arch x86_64").expect_err("this machine has its own");
    parsed("package").expect_err("it packages an example");
}

#[test]
fn a_sandbox_is_of_an_example_or_is_stopped_or_cleaned() {
    let of_example = parsed("sandbox orders --stack shop --parameter LogRetentionDays=1");
    let Ok(Command::Sandbox { deployment: Some(deployment), command: None }) = of_example else {
        panic!("`sandbox` takes an example: {of_example:?}");
    };
    assert_eq!(deployment.stack().expect("a stack").name, "shop");
    assert_eq!(deployment.parameters, ["LogRetentionDays=1"]);
    let of_command = |line| match parsed(line) {
        Ok(Command::Sandbox { deployment: None, command: Some(command) }) => command,
        other => panic!("{line}: {other:?}"),
    };
    assert!(matches!(of_command("sandbox stop"), SandboxCommand::Stop));
    assert!(matches!(of_command("sandbox clean"), SandboxCommand::Clean));
    parsed("sandbox").expect_err("it is told what to do");
}

#[test]
fn a_parameter_has_a_name_and_a_value() {
    for wrong in ["LogRetentionDays", "=1"] {
        parsed(&format!("deploy-local orders --parameter {wrong}")).expect_err(wrong);
    }
}

#[test]
fn templates_are_written_or_only_checked() {
    assert!(matches!(parsed("templates --check"), Ok(Command::Templates { check: true, .. })));
    parsed("templates orders --check").expect_err("it writes, or it does not");
}
