use super::*;
use crate::process::shown;

#[test]
fn outputs_are_names_and_values() {
    let stacks = "<Stacks><member><StackName>shop</StackName><Parameters><member>\
        <ParameterKey>A</ParameterKey></member></Parameters><Outputs><member><OutputKey>Url</OutputKey>\
        <OutputValue>http://a?b&amp;c</OutputValue></member><member><OutputKey>Queue</OutputKey>\
        <OutputValue>q</OutputValue></member></Outputs></member></Stacks>";
    let expected = [("Url", "http://a?b&c"), ("Queue", "q")];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(outputs_in(stacks), expected);
    assert_eq!(outputs_in("<Stacks/>"), []);
}

#[test]
fn the_api_of_a_stack_is_found_at_the_local_server() {
    let output = |value: &str| ("Output".to_owned(), value.to_owned());
    let place = Place::existing(PathBuf::from("/t"), 4566);
    let url = |outputs| Deployment { outputs }.local_url(&place);
    let api = output("https://a1b2.execute-api.us-east-1.amazonaws.com");
    assert_eq!(
        url(vec![output("http://127.0.0.1:4566/000000000000/q"), api]).as_deref(),
        Some("http://127.0.0.1:4566/_aws/execute-api/a1b2/$default/")
    );
    assert_eq!(url(vec![output("x")]), None);
}

#[test]
fn a_stack_whose_first_deployment_failed_is_made_anew() {
    for status in ["ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"] {
        assert!(cannot_be_updated(status), "{status}");
    }
    for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"] {
        assert!(!cannot_be_updated(status), "{status}");
    }
}

/// Nothing that is configured on this machine leads a deployment to an account.
#[test]
fn only_the_local_server_is_asked() {
    let mut command = process::cargo(["--version"]);
    answered_by(&mut command, &Place::existing(PathBuf::from("/t"), 4566));
    let shown = shown(&command);
    for variable in [
        "AWS_ENDPOINT_URL=http://127.0.0.1:4566 ",
        "AWS_ACCESS_KEY_ID=local ",
        "AWS_CONFIG_FILE=/t/no-configuration ",
        "AWS_SHARED_CREDENTIALS_FILE=/t/no-configuration ",
        "SAM_CLI_TELEMETRY=0 ",
    ] {
        assert!(shown.contains(variable), "{variable}: {shown}");
    }
}
