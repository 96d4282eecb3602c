use super::*;
use crate::process;

/// A program that ends at once stands for a server; every Rust toolchain has it.
static ENDS_AT_ONCE: Server = Server {
    tool: Tool { name: "test", release: "one", needs: "nothing", install: |_, _| Ok(()) },
    command: |_, _| process::cargo(["--version"]),
    stop: None,
};

#[test]
fn a_server_that_ends_before_it_answers_is_shown_with_what_it_printed() {
    let home = tempfile::tempdir().expect("a folder");
    let port = free_port().expect("a free port");
    let place = Place::fresh(home.path().join("run"), port).expect("a folder");
    match ENDS_AT_ONCE.start_from(home.path().to_owned(), place, |_| {}) {
        Err(Reason::Silent(log)) => assert!(log.starts_with("cargo "), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fresh_place_has_nothing_of_an_earlier_server() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("run");
    let earlier = Place::fresh(folder.clone(), 1).expect("a folder");
    fs::write(earlier.log(), "earlier").expect("a file");
    let place = Place::fresh(folder, 2).expect("a folder");
    assert_eq!(place.last_lines(), "");
    assert_eq!(place.endpoint(), "http://127.0.0.1:2");
}

/// Two listeners stand for one on all addresses of this machine.
#[test]
#[cfg(target_os = "linux")]
fn a_server_is_exposed_when_it_answers_on_more_than_one_address() {
    let one = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = one.local_addr().expect("a bound port").port();
    assert!(!is_exposed(port));
    let _another = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).expect("a free port");
    assert!(is_exposed(port));
}
