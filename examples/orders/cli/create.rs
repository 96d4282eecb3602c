//! Creating an order.

use clap::Args;
use es_core::ExecuteError;

use crate::command_line::{AnyError, print};
use crate::orders::domain::{Customer, Item, OrderRequest, check_email, check_name};

use super::opened::Opened;
use super::place::Place;
use super::prompt::Prompt;

/// The order.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The customer's name
    #[arg(long)]
    name: Option<String>,
    /// Where the receipt goes
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// What is ordered: name, quantity and price of one, as in tea:2:4.50; may be repeated
    #[arg(long = "item", value_name = "NAME:QUANTITY:PRICE")]
    items: Vec<Item>,
    /// A name for this request: when it is sent again under the same one, it is the same order
    #[arg(long)]
    key: Option<String>,
}

pub(super) async fn run(place: &Place, arguments: Arguments, json: bool) -> Result<(), AnyError> {
    place.check_flags()?;
    place.check_named()?;
    let Arguments { name, email, items, key } = arguments;
    let request = complete(name, email, items, Prompt::on_terminal())?;
    // Before anything is made: a request that cannot be taken leaves no trace.
    request.check()?;
    let opened = Opened::named(place).await?;
    let accepted = match opened.orders.create(key.as_deref(), request).await {
        Ok(accepted) => accepted,
        Err(ExecuteError::Rejected(error)) => return Err(error.into()),
        Err(error) => return Err(error.into()),
    };
    print(json, &accepted, || match accepted.created {
        true => format!("order {} is accepted", accepted.id),
        false => format!("order {} was accepted before; nothing is changed", accepted.id),
    })?;
    opened.close().await
}

/// The request, with what is missing asked for, if there is anybody to ask.
fn complete(
    name: Option<String>,
    email: Option<String>,
    items: Vec<Item>,
    prompt: Option<Prompt>,
) -> Result<OrderRequest, AnyError> {
    let missing = |flag| format!("{flag} is missing, and there is no terminal to ask on").into();
    let name = match (name, &prompt) {
        (Some(name), _) => name,
        (None, Some(prompt)) => prompt.text("Name", check_name)?,
        (None, None) => return Err(missing("--name")),
    };
    let email = match (email, &prompt) {
        (Some(email), _) => email,
        (None, Some(prompt)) => prompt.text("E-mail", check_email)?,
        (None, None) => return Err(missing("--email")),
    };
    let items = match &prompt {
        _ if !items.is_empty() => items,
        Some(prompt) => prompt.items()?,
        None => return Err(missing("--item")),
    };
    Ok(OrderRequest { customer: Customer { name, email }, items })
}
