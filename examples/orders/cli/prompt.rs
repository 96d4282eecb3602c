//! Asking whoever sits at the terminal.

use std::fmt::Display;
use std::io::IsTerminal as _;

use dialoguer::{Confirm, Input};

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
        let input = Input::<String>::new().with_prompt(what);
        Ok(input.validate_with(|text: &String| check(text)).interact_text()?)
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
            let text: String = Input::new()
                .with_prompt(question)
                .allow_empty(may_end)
                .validate_with(|text: &String| match text.is_empty() {
                    true => Ok(()),
                    false => text.parse::<Item>().map(drop),
                })
                .interact_text()?;
            if text.is_empty() {
                break;
            }
            items.push(text.parse()?);
        }
        Ok(items)
    }

    /// Whether it is to be done.
    pub(super) fn confirms(&self, question: &str) -> Result<bool, AnyError> {
        Ok(Confirm::new().with_prompt(question).default(false).interact()?)
    }
}
