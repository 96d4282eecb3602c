//! `ministack`: one server for most of AWS, from the Python Package Index.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::Server;
use crate::process;

pub(crate) static MINISTACK: Server = Server {
    name: "ministack",
    release: REQUIREMENTS,
    needs: "Python 3 with venv and pip",
    install,
    command,
};

const REQUIREMENTS: &str = include_str!("ministack/requirements.txt");

fn install(home: &Path) -> Result<(), process::Error> {
    let python = if cfg!(windows) { "python" } else { "python3" };
    let mut venv = Command::new(python);
    venv.args(["-m", "venv"]).arg(home).current_dir(process::root());
    process::run(venv)?;

    let wanted = home.join("requirements.txt");
    process::write(&wanted, REQUIREMENTS)?;
    let mut pip = Command::new(in_venv(home, "python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    pip.arg(&wanted).current_dir(process::root());
    process::run(pip)
}

fn command(home: &Path, port: u16) -> Command {
    let mut server = Command::new(in_venv(home, "ministack"));
    server
        .envs([("BIND_HOST", "127.0.0.1"), ("MINISTACK_HOST", "127.0.0.1")])
        .envs([("SFTP_ENABLED", "0"), ("IOT_MTLS_ENABLED", "0")])
        .env("GATEWAY_PORT", port.to_string());
    server
}

fn in_venv(home: &Path, program: &str) -> PathBuf {
    let folder = if cfg!(windows) { "Scripts" } else { "bin" };
    home.join(folder).join(format!("{program}{}", env::consts::EXE_SUFFIX))
}
