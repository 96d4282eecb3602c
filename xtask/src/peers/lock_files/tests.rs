use super::*;

/// A member that needs `clock` 1, and uses ours, which needs `paper` for its tests.
fn listed(change: impl FnOnce(&mut Packages, &mut Packages, &mut Vec<Locked>)) -> String {
    let package = |name: &str, dependencies: &str| {
        let text = format!(
            r#"{{"name": "{name}", "version": "0.1.0", "features": {{}}, "dependencies": [{dependencies}]}}"#
        );
        let package: Package = serde_json::from_str(&text).expect("a package");
        (name.to_owned(), package)
    };
    let dependency = |name: &str, kind: &str| {
        format!(
            r#"{{"name": "{name}", "req": "^1", "kind": {kind}, "optional": false,
                "uses_default_features": true, "features": [], "target": null}}"#
        )
    };
    let needs = |names: [&str; 2]| names.map(|name| dependency(name, "null")).join(",");
    let mut members = Packages::from([package("peer", &needs(["clock", "ours"]))]);
    let mut ours = Packages::from([
        package("ours", &dependency("paper", r#""dev""#)),
        package("another", &needs(["ink", "pen"])),
    ]);
    let mut locked: LockFile = toml::from_str(
        r#"
        [[package]]
        name = "clock"
        version = "1.4.2"
        source = "registry"

        [[package]]
        name = "ours"
        version = "0.1.0"

        [[package]]
        name = "peer"
        version = "0.1.0"
        dependencies = ["clock 1.4.2", "ours"]
        "#,
    )
    .expect("a lock file");
    change(&mut members, &mut ours, &mut locked.package);
    workspace(&members, &ours, &locked.package)
}

fn unchanged() -> String {
    listed(|_, _, _| {})
}

fn first<'a>(packages: &'a mut Packages, name: &str) -> &'a mut Dependency {
    &mut packages.get_mut(name).expect("a package").dependencies[0]
}

#[test]
fn what_members_and_ours_declare_decides() {
    let changes = [
        listed(|members, _, _| first(members, "peer").req = "^2".to_owned()),
        listed(|members, _, _| first(members, "peer").features.push("sun".to_owned())),
        listed(|members, _, _| first(members, "peer").uses_default_features = false),
        listed(|members, _, _| first(members, "peer").optional = true),
        listed(|members, _, _| drop(members.get_mut("peer").map(|it| it.dependencies.pop()))),
        listed(|_, ours, _| first(ours, "ours").kind = None),
        listed(|_, ours, _| {
            let ours = ours.get_mut("ours").expect("ours");
            ours.features.insert("ink".to_owned(), vec!["dep:pen".to_owned()]);
        }),
    ];
    for changed in changes {
        let reason = compare(&unchanged(), &changed).expect_err("another declaration").to_string();
        assert!(reason.contains("bench-peers --lock"), "{reason}");
    }
}

#[test]
fn what_is_locked_for_them_decides_too() {
    let older = listed(|_, _, locked| drop(locked[2].dependencies.pop()));
    compare(&unchanged(), &older).expect_err("a lock file from before");
    let without = listed(|_, _, locked| drop(locked.pop()));
    compare(&unchanged(), &without).expect_err("a lock file without the member");
}

#[test]
fn what_is_not_locked_for_them_does_not_matter() {
    let newer = listed(|_, _, locked| {
        locked[0].version = "1.5.0".to_owned();
        locked[2].dependencies[0] = "clock 1.5.0".to_owned();
    });
    compare(&unchanged(), &newer).expect("a registry's package has a new version");
    let others = listed(|_, ours, _| {
        first(ours, "ours").req = "^9".to_owned();
        first(ours, "another").req = "^9".to_owned();
    });
    compare(&unchanged(), &others).expect("neither tests of ours nor what nobody uses");
}

#[test]
fn a_difference_is_shown() {
    let reason = compare("a\nb\n", "a\nc\nd\n").expect_err("a difference").to_string();
    assert!(reason.contains("line 2") && reason.contains("there: b\n  now:   c"), "{reason}");
    let reason = compare("", "a\n").expect_err("nothing was written").to_string();
    assert!(reason.contains("there: nothing"), "{reason}");
}

#[test]
fn nothing_is_asked_of_a_registry() {
    let command = process::shown(&metadata("benches/peers/Cargo.toml"));
    assert!(command.contains(" --no-deps --offline "), "{command}");
}

#[test]
fn a_lock_file_that_was_changed_by_hand_has_another_checksum() {
    let lock_file = "[[package]]\nname = \"clock\"\n";
    assert_eq!(checksum(lock_file), checksum(&lock_file.replace('\n', "\r\n")));
    assert_ne!(checksum(lock_file), checksum(&lock_file.replace("clock", "click")));
}
