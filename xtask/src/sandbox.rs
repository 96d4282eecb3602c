//! `cargo xtask deploy-local`, `destroy-local` and `sandbox`: the stack of an example on this machine, on a
//! server with AWS's interfaces that goes on between the commands.
//!
//! The same template and the same tool go to an account in AWS; only where it answers is another. The
//! server keeps everything in memory: what is deployed is gone when it is stopped.

mod deployment;
mod failures;
mod remains;
mod requests;
mod server;
mod watch;

use std::error::Error;

use self::deployment::{Deployment, deploy};
use crate::{examples::Example, servers::Place};

/// A command about stacks on this machine.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) example: Example,
    /// Its name, with which the names of all that is in it begin.
    pub(crate) name: String,
}

impl Stack {
    /// # Errors
    ///
    /// When there is no such example, or CloudFormation takes no such name.
    pub(crate) fn of(example: &str, name: Option<String>) -> Result<Self, Box<dyn Error>> {
        let example = Example::named(example)?;
        let name = name.unwrap_or_else(|| example.name().to_owned());
        let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
        let takes = |character: char| character.is_ascii_alphanumeric() || character == '-';
        match begins_well && name.len() <= 128 && name.chars().all(takes) {
            true => Ok(Self { example, name }),
            false => Err(format!(
                "`{name}` cannot be the name of a stack: letters, digits and dashes, a letter first"
            )
            .into()),
        }
    }

    /// How to name it on the command line.
    fn arguments(&self) -> String {
        let Self { example, name } = self;
        match example.name() == name {
            true => name.clone(),
            false => format!("{} --stack {name}", example.name()),
        }
    }

    fn prefix(&self) -> String {
        format!("{}-", self.name)
    }
}

/// Deploys a stack, or updates it, and prints where it answers. Starts the server if it does not run.
///
/// # Errors
///
/// When there is nothing to deploy, the tools cannot be had, or a resource cannot be made.
pub(crate) fn deploy_local(stack: &Stack, parameters: &[String]) -> Result<(), Box<dyn Error>> {
    let (place, deployment) = deployed(stack, parameters)?;
    print_deployed(stack, &place, &deployment);
    println!("\nto watch commits, queues and errors: cargo xtask sandbox {}", stack.arguments());
    println!("to delete it: cargo xtask destroy-local {}", stack.arguments());
    Ok(())
}

/// Deletes a stack, and prints what remains of it.
///
/// # Errors
///
/// When the server does not run, there is no such stack, or something cannot be deleted.
pub(crate) fn destroy_local(stack: &Stack) -> Result<(), Box<dyn Error>> {
    let Some(place) = server::running()? else {
        return Err("no local server runs, so there is no stack".into());
    };
    deployment::delete(&place, &stack.name)?;
    println!("the stack {} is deleted", stack.name);
    let remains = remains::of(&place, &stack.prefix())?;
    if !remains.is_empty() {
        println!("this remains; on AWS it would be in the way of a new stack of this name:");
        for remaining in remains {
            println!("  {remaining}");
        }
        println!("`cargo xtask sandbox clean` removes it, with all other stacks");
    }
    println!("the server goes on at {}; `cargo xtask sandbox stop` stops it", place.endpoint());
    Ok(())
}

/// Deploys a stack and shows what happens in it, until Ctrl-C.
///
/// # Errors
///
/// As [`deploy_local`], and when the server is stopped.
pub(crate) fn watch(stack: &Stack, parameters: &[String]) -> Result<(), Box<dyn Error>> {
    let (place, deployment) = deployed(stack, parameters)?;
    print_deployed(stack, &place, &deployment);
    println!("\nCtrl-C ends the view; the server goes on until `cargo xtask sandbox stop`");
    watch::run(&place, &stack.prefix())
}

/// Stops the server.
///
/// # Errors
///
/// When it does not end.
pub(crate) fn stop() -> Result<(), Box<dyn Error>> {
    match server::stop()? {
        Some(place) => println!("the server at {} is stopped", place.endpoint()),
        None => println!("no local server runs"),
    }
    Ok(())
}

/// Stops the server and removes what it has written, with the programs that were packaged.
///
/// # Errors
///
/// When the server does not end, or something cannot be removed.
pub(crate) fn clean() -> Result<(), Box<dyn Error>> {
    stop()?;
    server::clean()?;
    println!("what it kept is removed");
    Ok(())
}

fn deployed(stack: &Stack, parameters: &[String]) -> Result<(Place, Deployment), Box<dyn Error>> {
    // First what needs no time, then the program, then the server.
    let template = deployment::Template::of(&stack.example)?;
    crate::package::for_this_machine(&stack.example)?;
    let place = server::running_or_started()?;
    let deployment = deploy(&place, stack, &template, parameters)?;
    Ok((place, deployment))
}

fn print_deployed(stack: &Stack, place: &Place, deployment: &Deployment) {
    println!("\nthe stack {} is deployed at {}", stack.name, place.endpoint());
    for (name, value) in &deployment.outputs {
        println!("  {name:<28} {value}");
    }
    if let Some(url) = deployment.local_url(place) {
        println!("\nits HTTP API answers at (quoted, as the stage has a `$`)\n  '{url}'");
    }
    println!(
        "\nthe program of the example works on it; `--help` lists its commands\n  \
         cargo run --features aws --example {} -- --backend aws --endpoint-url {} --region {} \
         --table-prefix {} COMMAND",
        stack.example.name(),
        place.endpoint(),
        requests::REGION,
        stack.prefix(),
    );
}

#[cfg(test)]
mod tests;
