use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    #[event(version = 2, upcast(from = 1, with = upcast), upcast(from = 1, with = other))]
    Twice(u8),
    #[event(upcast(from = 1, with = upcast))]
    Unversioned(u8),
    #[event(version = 2, upcast(from = 1, with = upcast), upcast(from = 3, with = upcast))]
    Later(u8),
}

fn main() {}
