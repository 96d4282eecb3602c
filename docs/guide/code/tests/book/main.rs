//! What the book says is true as far as a program can tell: its listings are compiled code, its
//! links lead somewhere, the names in it exist.

mod guarantees;
mod links;
mod listings;
mod pages;
mod summary;
mod telemetry;
