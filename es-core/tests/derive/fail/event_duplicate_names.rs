use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    Started,
    #[event(name = "Started")]
    Begun,
    #[event(alias = "Began", alias = "A:Begun")]
    Ended,
    #[event(alias = "Began")]
    Closed,
}

fn main() {}
