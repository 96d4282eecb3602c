use es_core::{Addressed, Command};

#[derive(Clone, Command)]
enum Unaddressed {
    Start,
}

fn main() {
    Unaddressed::Start.aggregate_id();
}
