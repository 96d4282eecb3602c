use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum OfAType<T> {
    Started(T),
}

#[derive(Event)]
#[event(prefix = "A")]
enum OfALifetime<'a> {
    Started(&'a str),
}

fn main() {}
