//! The hot paths, each to be run a number of times under a tool that counts instructions:
//! `cargo xtask instructions` does so, twice for each path, once for no times. The difference is what the path takes,
//! without what was prepared for it.
//!
//! `--paths` lists them, `--files FOLDER` makes the files that some of them read, which nobody counts, and
//! `--run PATH TIMES FOLDER` runs one. Without any of these all paths are run once.
#![allow(missing_docs, clippy::unwrap_used)]

mod paths;

use std::path::Path;
use std::process::exit;

use paths::{PATHS, TIMES, make_files};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--paths"] => {
            for path in PATHS {
                println!("{} {} {} {TIMES}", path.name, path.items, path.item);
            }
        }
        ["--files", folder] => make_files(Path::new(folder)),
        ["--run", name, times, folder] => {
            let path = PATHS.iter().find(|path| path.name == name).expect("a path of this name");
            let times: usize = times.parse().expect("a number");
            assert!(times <= TIMES, "there is input for {TIMES} times");
            let mut run = (path.prepare)(Path::new(folder));
            // What is made at the first time and kept is no part of the path.
            run();
            for _ in 0..times {
                run();
            }
            // What is left over is not dropped: there would be more of it after fewer times.
            exit(0);
        }
        _ => {
            let folder = tempfile::tempdir().unwrap();
            make_files(folder.path());
            for path in PATHS {
                (path.prepare)(folder.path())();
                println!("{} runs; `cargo xtask instructions` counts", path.name);
            }
        }
    }
}
