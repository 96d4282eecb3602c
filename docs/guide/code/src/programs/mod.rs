//! What the chapters run, in their order.

mod answers;
mod due_days;
mod first_loans;
mod incident;
mod late_fees;
mod notices;
mod operations;
mod own_writes;
mod parcels;
mod rebuild;
mod repair;
mod routing;
mod shelf;
mod three_ways;

use std::future::Future;
use std::pin::Pin;

use es_core::BoxError;

type Main = fn() -> Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// A program, by the name that the guide calls it.
pub struct Program {
    pub name: &'static str,
    pub main: Main,
}

/// All of them. Each goes on with the file that those before it have left.
pub const PROGRAMS: &[Program] = &[
    Program { name: "first-loans", main: || Box::pin(first_loans::main()) },
    Program { name: "shelf", main: || Box::pin(shelf::main()) },
    Program { name: "three-ways", main: || Box::pin(three_ways::main()) },
    Program { name: "own-writes", main: || Box::pin(own_writes::main()) },
    Program { name: "due-days", main: || Box::pin(due_days::main()) },
    Program { name: "late-fees", main: || Box::pin(late_fees::main()) },
    Program { name: "answers", main: || Box::pin(answers::main()) },
    Program { name: "incident", main: || Box::pin(incident::main()) },
    Program { name: "repair", main: || Box::pin(repair::main()) },
    Program { name: "rebuild", main: || Box::pin(rebuild::main()) },
    Program { name: "operations", main: || Box::pin(operations::main()) },
    Program { name: "notices", main: || Box::pin(notices::main()) },
    Program { name: "parcels", main: || Box::pin(parcels::main()) },
    Program { name: "routing", main: || Box::pin(routing::main()) },
];
