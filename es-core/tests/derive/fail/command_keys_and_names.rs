use es_core::Command;

#[derive(Clone, Command)]
#[command(name = "All")]
enum Enum {
    #[command(id)]
    Start,
    #[command(name = "")]
    Stop,
    #[command(name = "Go on")]
    Continue { #[command(name = "x")] field: u8 },
    #[command(name = "Start")]
    Begin,
}

#[derive(Clone, Command)]
#[command(id)]
struct Struct;

#[derive(Clone, Copy, Command)]
union Union {
    a: u8,
}

fn main() {}
