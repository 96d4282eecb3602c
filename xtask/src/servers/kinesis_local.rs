//! `kinesis-local`: Kinesis with shards that split and merge, from npm.

use std::{path::Path, process::Command};

use super::{Place, Server};
use crate::{process, tools::Tool};

pub(crate) static KINESIS_LOCAL: Server = Server {
    tool: Tool {
        name: "kinesis-local",
        release: LOCK,
        needs: "Node 18 or later with npm",
        install,
    },
    command,
    stop: None,
};

const PACKAGE: &str = include_str!("kinesis_local/package.json");
const LOCK: &str = include_str!("kinesis_local/package-lock.json");

fn install(home: &Path, lock: &str) -> Result<(), process::Error> {
    process::write(&home.join("package.json"), PACKAGE)?;
    process::write(&home.join("package-lock.json"), lock)?;
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(home);
    process::run(npm)
}

fn command(home: &Path, place: &Place) -> Command {
    let package = home.join("node_modules/kinesis-local");
    let mut server = Command::new("node");
    server
        .arg("--require")
        .arg(process::root().join("xtask/src/servers/kinesis_local/loopback.js"))
        .arg(package.join("main.js"))
        .env("KINESIS_MOCK_PLAIN_PORT", place.port.to_string())
        // It serves TLS, too, come what may: on any free port, with the certificate that it brings.
        .env("KINESIS_MOCK_TLS_PORT", "0")
        .env("KINESIS_MOCK_CERT_PATH", package.join("server.json"))
        // Of all streams together; every test has streams of its own.
        .env("SHARD_LIMIT", "10000");
    server
}
