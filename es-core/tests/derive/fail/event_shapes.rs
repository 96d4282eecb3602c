use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    Pair(u8, u8),
    None(),
    One(u8),
}

fn main() {}
