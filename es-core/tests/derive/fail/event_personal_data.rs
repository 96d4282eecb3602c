use es_core::Event;

#[derive(serde::Serialize, serde::Deserialize)]
struct Address {
    street: String,
}

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    Moved {
        #[event(personal)]
        #[serde(flatten)]
        to: Address,
    },
    Twice {
        #[event(personal, personal)]
        name: String,
    },
    Valued {
        #[event(personal = "yes")]
        name: String,
    },
    #[event(personally)]
    Misspelt,
}

#[derive(Event)]
#[event(prefix = "B", personal)]
enum WholeType {
    Happened,
}

#[derive(Event)]
#[event(union)]
enum Union {
    #[event(personal)]
    A(AnEvent),
    B(#[event(personal)] WholeType),
}

fn main() {}
