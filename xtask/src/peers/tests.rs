use std::fs;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

fn parsed(line: &str) -> Result<Options, clap::Error> {
    Line::try_parse_from(["bench-peers"].into_iter().chain(line.split_whitespace()))
        .map(|line| line.options)
}

#[test]
fn a_median_is_of_five_rounds_at_least() {
    assert_eq!(parsed("").expect("defaults").rounds, 7);
    assert_eq!(parsed("--rounds 5").expect("enough").rounds, 5);
    parsed("--rounds 4").expect_err("too few");
    parsed("--rounds 9 --test").expect_err("a test has one");
}

#[test]
fn the_benchmark_is_told_what_was_chosen() {
    let options = parsed("--peer cqrs-es --peer evento --workload commands-of-ten --rounds 9");
    let options = options.expect("a choice");
    let line = process::shown(&bench(&options, &options.peers));
    assert!(line.contains("/release/peer-cqrs-es --driver "), "{line}");
    assert!(line.ends_with("/release/peer-evento --workload commands-of-ten --rounds 9"), "{line}");
    let test = parsed("--test").expect("a test");
    assert!(process::shown(&bench(&test, &[])).ends_with("--bench peers -- --test"));
}

#[test]
fn checking_and_locking_measure_nothing() {
    assert!(parsed("--check").expect("alone").check);
    assert!(parsed("--lock").expect("alone").lock);
    parsed("--lock --check").expect_err("one of them");
    parsed("--lock --peer evento").expect_err("all lock files are written");
}

#[test]
fn every_peer_is_a_package_of_its_workspace() {
    for peer in Peer::value_variants() {
        let workspace = process::root().join(peer.manifest());
        let folder = workspace.parent().expect("a folder");
        let package = format!("name = \"{}\"", peer.program());
        let manifests = [folder.join(name(*peer)).join("Cargo.toml"), workspace];
        let found = manifests
            .iter()
            .any(|manifest| fs::read_to_string(manifest).is_ok_and(|text| text.contains(&package)));
        assert!(found, "{package} in {manifests:?}");
    }
}
