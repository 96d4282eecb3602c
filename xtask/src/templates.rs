//! `cargo xtask templates`: writes the templates of the examples anew, and checks them: whether
//! CloudFormation would take them, by cfn-lint and the SAM command line, and whether they are safe, by
//! checkov.
//!
//! Nothing is asked of AWS. What checkov may find is in `examples/checkov-exceptions.txt`, with reasons;
//! what cfn-lint need not say, in `.cfnlintrc.yaml`.

mod exceptions;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use self::exceptions::{Exceptions, Finding};
use crate::{
    examples::Example,
    process,
    tools::{CHECKOV, SAM, python},
};

const EXCEPTIONS: &str = "examples/checkov-exceptions.txt";

/// Writes the templates of these examples anew, or of all that have one.
///
/// # Errors
///
/// When a program does not compile or makes no template, or a template cannot be written.
pub(crate) fn write(names: &[String]) -> Result<(), Box<dyn Error>> {
    let examples = match names {
        [] => with_template()?,
        names => names.iter().map(|name| Example::named(name)).collect::<Result<_, _>>()?,
    };
    for example in examples {
        let program = example.program().build()?;
        let mut print = Command::new(program);
        print.arg("template").current_dir(process::root());
        fs::write(example.template(), process::output(print)?)?;
        eprintln!("==> {}", example.template().display());
    }
    Ok(())
}

/// Checks the templates of all examples.
///
/// # Errors
///
/// When a tool cannot be had, or finds something in a template; it has then said what.
pub(crate) fn check() -> Result<(), Box<dyn Error>> {
    let templates: Vec<PathBuf> = with_template()?.iter().map(Example::template).collect();
    if templates.is_empty() {
        return Err("no example has a template".into());
    }
    let sam = SAM.home()?;
    let mut lint = checker(python::program(&sam, "cfn-lint"));
    lint.args(&templates);
    process::run(lint)?;
    for template in &templates {
        let mut validate = checker(python::program(&sam, "sam"));
        validate.args(["validate", "--lint", "--region", "us-east-1", "--template-file"]);
        validate.arg(template);
        process::run(validate)?;
    }
    check_safety(&templates)?;
    let count = templates.len();
    println!("{count} templates are valid, and safe but for what {EXCEPTIONS} says");
    Ok(())
}

fn check_safety(templates: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let checkov = checkov(&CHECKOV.home()?, templates)?;
    let found = findings(&process::output(checkov)?)?;
    let exceptions = Exceptions::parse(&fs::read_to_string(process::root().join(EXCEPTIONS))?)?;
    let complaints = exceptions.complaints(&found);
    match complaints.as_slice() {
        [] => Ok(()),
        complaints => Err(format!("checkov:\n  {}", complaints.join("\n  ")).into()),
    }
}

fn checkov(home: &Path, templates: &[PathBuf]) -> Result<Command, Box<dyn Error>> {
    let mut checkov = checker(python::program(home, "checkov"));
    // Its success says that it has run; what it has found is judged here.
    checkov.args(["--framework", "cloudformation", "--skip-download", "--soft-fail"]);
    checkov.args(["--compact", "--quiet", "--output", "json"]);
    for template in templates {
        // From the root: it takes a path with forty letters and slashes before the dot, which it has with the
        // values of variables, for a secret key.
        checkov.arg("--file").arg(template.strip_prefix(process::root())?);
    }
    Ok(checkov)
}

/// What checkov says that it has found.
fn findings(report: &str) -> Result<Vec<Finding>, Box<dyn Error>> {
    let unreadable = || format!("checkov prints what cannot be read: {report}");
    let report: Value = serde_json::from_str(report).map_err(|_| unreadable())?;
    // Without a resource that it knows it says so by zeros, and has looked at nothing.
    if report["summary"]["resource_count"].as_u64().is_none_or(|count| count == 0) {
        return Err("checkov has looked at no resource".into());
    }
    if report["summary"]["parsing_errors"].as_u64() != Some(0) {
        return Err("checkov cannot read a template".into());
    }
    let failed = report["results"]["failed_checks"].as_array().ok_or_else(unreadable)?;
    let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    Ok(failed
        .iter()
        .map(|check| Finding {
            check: text(check, "check_id"),
            what: text(check, "check_name"),
            file: text(check, "file_path"),
            resource: text(check, "resource"),
        })
        .collect())
}

fn with_template() -> Result<Vec<Example>, Box<dyn Error>> {
    let all = Example::all()?;
    Ok(all.into_iter().filter(|example| example.template().is_file()).collect())
}

/// In the root, where its configuration is, and without an account.
fn checker(program: PathBuf) -> Command {
    let mut checker = Command::new(program);
    process::without_account(&mut checker);
    checker.current_dir(process::root()).env("SAM_CLI_TELEMETRY", "0");
    checker
}

#[cfg(test)]
mod tests;
