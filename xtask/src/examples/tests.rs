use super::*;

#[test]
fn the_five_systems_are_found() {
    let all = Example::all().expect("a folder of examples");
    let names: Vec<&str> = all.iter().map(Example::name).collect();
    assert_eq!(names, ["dispensary", "ingest", "inventory", "orders", "users"]);
}

#[test]
fn an_unknown_example_is_an_error_that_says_which_there_are() {
    let error = Example::named("odrers").expect_err("there is none of this name");
    assert_eq!(
        error.to_string(),
        "there is no example `odrers`; there are dispensary, ingest, inventory, orders, users"
    );
}

/// What they share has a folder, too.
#[test]
fn a_folder_without_a_program_is_no_example() {
    Example::named("aws").expect_err("what the examples share on AWS is no example");
}

#[test]
fn cargo_says_where_a_program_is() {
    let messages = r#"
{"reason":"compiler-artifact","target":{"name":"es_core"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"orders"},"executable":"/t/debug/examples/orders"}
{"reason":"compiler-artifact","target":{"name":"orders-functions"},"executable":"/t/debug/examples/orders-functions"}
{"reason":"build-finished","success":true}"#;
    let found = executable(messages, "orders-functions");
    assert_eq!(found, Some(PathBuf::from("/t/debug/examples/orders-functions")));
    assert_eq!(executable(messages, "users"), None);
}
