use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    #[event(version = 2)]
    None { field: u8 },
    #[event(version = 4, upcast(from = 2, with = upcast))]
    Gaps(u8),
    #[event(version = 4000000000)]
    Mistyped,
}

fn upcast(old: u8) -> u8 {
    old
}

fn main() {}
