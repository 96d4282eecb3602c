use super::*;

#[test]
fn cargo_lambda_builds_the_program_of_the_functions_for_the_processor() {
    let program = Program { target: "orders-functions".to_owned() };
    let home = Path::new("/tools/cargo-lambda");
    let build = cargo_lambda(home, &program, Architecture::Arm64, PROFILE, Path::new("/built"))
        .expect("a command");
    let shown = process::shown(&build);
    let command = "cargo-lambda lambda build --package es-examples --features lambda \
        --example orders-functions --profile lambda --target aarch64-unknown-linux-gnu --lambda-dir /built";
    assert!(shown.ends_with(command), "{shown}");
}

#[test]
fn zig_is_found_before_any_other() {
    let path = path_with(Path::new("/tools/bin")).expect("a path");
    assert_eq!(env::split_paths(&path).next(), Some(PathBuf::from("/tools/bin")));
}

#[test]
fn a_target_that_is_missing_is_told_with_what_installs_it() {
    check_target(Architecture::here()).expect("the target of this machine");
    let error = check_libraries(Path::new("/no/such/folder"), "aarch64-unknown-linux-gnu");
    let error = error.expect_err("no libraries").to_string();
    assert!(
        error.ends_with("`rustup target add aarch64-unknown-linux-gnu` installs it"),
        "{error}"
    );
}

/// Templates and commands say the same words.
#[test]
fn architectures_are_called_as_templates_call_them() {
    for architecture in Architecture::value_variants() {
        let value = architecture.to_possible_value().expect("a value");
        assert_eq!(value.get_name(), architecture.name());
    }
}
