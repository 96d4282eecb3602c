use es_core::Command;

#[derive(Clone, Command)]
enum Lacking {
    Start { #[command(id)] id: String },
    Stop,
    Pause { id: String },
}

#[derive(Clone, Command)]
enum Twice {
    Move { #[command(id)] from: String, #[command(id)] to: String },
    Swap(#[command(id)] String, #[command(id)] String),
    Mark { #[command(id, id)] id: String },
}

fn main() {}
