use es_core::Event;

#[derive(Event)]
#[event(prefix = "")]
enum EmptyPrefix {
    Started,
}

#[derive(Event)]
#[event(prefix = "My Event")]
enum Spaces {
    Started,
    #[event(name = "Tab\t")]
    Tabbed,
    #[event(alias = "Line\n")]
    Lined,
    #[event(name = "Spaces:Prefixed")]
    Prefixed,
}

#[derive(Event)]
#[event(prefix = "0123456789012345678901234567890123456789012345678901234567890123456789")]
enum Long {
    Short,
    #[event(name = "012345678901234567890123456789012345678901234567890123456")]
    Fits,
    #[event(name = "0123456789012345678901234567890123456789012345678901234567")]
    TooLong,
}

fn main() {}
