use es_core::Command;

#[derive(Clone, Command)]
struct Start {
    #[command(id)]
    number: u64,
}

fn main() {}
