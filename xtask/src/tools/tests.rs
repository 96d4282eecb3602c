use super::*;

/// A folder with a file of an earlier installation, which had this stamp.
fn used_folder(stamp: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a folder");
    fs::write(home.path().join("earlier"), "").expect("a file");
    if let Some(stamp) = stamp {
        fs::write(home.path().join("installed"), stamp).expect("a file");
    }
    home
}

fn tool(install: fn(&Path, &str) -> Result<(), process::Error>) -> Tool {
    Tool { name: "test", release: "one", needs: "nothing", install }
}

/// Whether the earlier installation is still there when this release is wanted.
fn is_kept(stamp: Option<&str>) -> bool {
    let home = used_folder(stamp);
    tool(|_, _| Ok(())).install_into(home.path()).expect("an installation");
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
    let fails = tool(|_, _| process::run(process::cargo(["no-such-command"])));
    for _ in 0..2 {
        let error = fails.install_into(home.path()).expect_err("there is no such command");
        assert_eq!(error.to_string(), "test cannot be installed; it needs nothing");
    }
}

#[test]
fn an_installation_is_told_its_release() {
    let home = tempfile::tempdir().expect("a folder");
    let writes = tool(|home, release| process::write(&home.join("release"), release));
    writes.install_into(home.path()).expect("an installation");
    let told = fs::read_to_string(home.path().join("release")).expect("a file");
    assert_eq!(told, "one");
}

/// What is not pinned is another program next week.
#[test]
fn every_package_has_a_version() {
    for tool in [&SAM, &CHECKOV, &CARGO_LAMBDA] {
        for line in tool.release.lines() {
            let (package, version) = line.split_once("==").unwrap_or_default();
            assert!(!package.is_empty() && !version.is_empty(), "{}: {line}", tool.name);
        }
    }
}
