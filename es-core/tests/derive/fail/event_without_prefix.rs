use es_core::Event;

#[derive(Event)]
enum DispenseEvent {
    Started,
}

#[derive(Event)]
#[event]
enum Bare {
    Started,
}

fn main() {}
