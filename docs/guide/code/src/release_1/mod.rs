//! The library as it was first written.

pub mod copy;
pub mod readers;
pub mod shelf;
