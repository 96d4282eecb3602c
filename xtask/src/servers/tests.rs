use super::*;

/// A program that ends at once stands for a server; every Rust toolchain has it.
fn server(command: fn(&Path, u16) -> Command) -> Server {
    Server { name: "test", release: "one", needs: "nothing", install: |_| Ok(()), command }
}

fn version(_: &Path, _: u16) -> Command {
    process::cargo(["--version"])
}

/// A folder with a file of an earlier installation, which had this stamp.
fn used_folder(stamp: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("earlier"), "").expect("a file");
    if let Some(stamp) = stamp {
        fs::write(home.path().join("installed"), stamp).expect("a file");
    }
    home
}

/// Whether the earlier installation is still there when this release is wanted.
fn is_kept(stamp: Option<&str>) -> bool {
    let home = used_folder(stamp);
    server(version).install_into(home.path()).expect("an installation");
    home.path().join("earlier").exists()
}

#[test]
fn a_release_is_installed_once() {
    assert!(is_kept(Some("one")));
}

#[test]
fn another_release_is_installed_from_nothing() {
    assert!(!is_kept(Some("two")));
}

#[test]
fn an_installation_that_was_cut_off_is_begun_again() {
    assert!(!is_kept(None));
}

#[test]
fn a_failed_installation_is_not_taken_for_one() {
    let home = tempfile::tempdir().expect("a folder");
    let fails = |_: &Path| process::run(process::cargo(["no-such-command"]));
    let server = Server { install: fails, ..server(version) };
    for _ in 0..2 {
        assert!(matches!(server.install_into(home.path()), Err(Reason::Install(_))));
    }
}

#[test]
fn a_server_that_ends_before_it_answers_is_shown_with_what_it_printed() {
    let home = tempfile::tempdir().expect("a folder");
    match server(version).start_from(home.path()) {
        Err(Reason::Silent(log)) => assert!(log.starts_with("cargo "), "{log}"),
        other => panic!("{other:?}"),
    }
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
