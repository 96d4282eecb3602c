//! Loans end on a day, and those who are late pay.

pub mod account;
pub mod copy;
pub mod late_fees;
pub mod shelf;
