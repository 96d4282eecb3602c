use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    #[event(version = 0)]
    Zero,
    #[event(version = "2")]
    Text,
    #[event(upcast)]
    Bare,
    #[event(upcast(from = 1))]
    Functionless,
    #[event(upcast(with = upcast))]
    Versionless,
    #[event(upcast(from = 1, with = "upcast"))]
    Quoted,
    #[event(upcast(from = 1, with = |old: u8| old))]
    Closure,
    #[event(upcast(from = 0, with = upcast))]
    FromZero,
    #[event(upcast(from = 1, to = 2, with = upcast))]
    To,
}

fn main() {}
