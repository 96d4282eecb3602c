use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
struct Happened {
    times: u8,
}

#[derive(Event)]
#[event(prefix = "A")]
union Either {
    a: u8,
    b: i8,
}

fn main() {}
