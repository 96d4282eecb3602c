//! Asking whoever sits at the terminal.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use crate::command_line::AnyError;
use crate::orders::domain::{Item, OrderRequest};

/// A terminal on which can be asked. What is asked is on standard error.
#[derive(Debug)]
pub(super) struct Prompt(());

impl Prompt {
    /// `None` when nobody would see the questions, or could answer them.
    pub(super) fn on_terminal() -> Option<Self> {
        let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        is_terminal.then_some(Self(()))
    }

    /// A text that passes the check; asked again until it does.
    pub(super) fn text<E: Display>(
        &self,
        what: &str,
        check: fn(&str) -> Result<(), E>,
    ) -> Result<String, AnyError> {
        loop {
            let text = ask(what)?;
            match check(&text) {
                Ok(()) => return Ok(text),
                Err(error) => say(error)?,
            }
        }
    }

    /// Items, at least one, until an empty line.
    pub(super) fn items(&self) -> Result<Vec<Item>, AnyError> {
        let mut items: Vec<Item> = Vec::new();
        while items.len() < OrderRequest::MAX_ITEMS {
            let may_end = !items.is_empty();
            let question = match may_end {
                false => "Item (NAME:QUANTITY:PRICE, as in tea:2:4.50)",
                true => "Item (Enter for no more)",
            };
            let text = ask(question)?;
            if may_end && text.is_empty() {
                break;
            }
            match text.parse() {
                Ok(item) => items.push(item),
                Err(error) => say(error)?,
            }
        }
        Ok(items)
    }

    /// Whether it is to be done.
    pub(super) fn confirms(&self, question: &str) -> Result<bool, AnyError> {
        loop {
            match ask(&format!("{question} [y/N]"))?.to_lowercase().as_str() {
                "y" | "yes" => return Ok(true),
                "" | "n" | "no" => return Ok(false),
                _ => say("please answer y or n")?,
            }
        }
    }
}

/// Asks once. Whoever ends the input (Ctrl-D) has not answered.
fn ask(question: &str) -> Result<String, AnyError> {
    let mut terminal = std::io::stderr();
    write!(terminal, "{question}: ")?;
    let mut answer = String::new();
    if std::io::stdin().read_line(&mut answer)? == 0 {
        writeln!(terminal)?;
        return Err("the input has ended before everything was answered".into());
    }
    Ok(answer.trim().to_owned())
}

fn say(what: impl Display) -> Result<(), AnyError> {
    Ok(writeln!(std::io::stderr(), "{what}")?)
}
