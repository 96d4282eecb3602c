use es_core::Event;

#[derive(Event)]
#[event(prefix = "A")]
enum AnEvent {
    #[event(version = 2, upcast(from = 1, with = number_to_text))]
    Newtype(u8),
    #[event(version = 2, upcast(from = 1, with = number_to_text))]
    Fields { field: String },
    #[event(version = 3, upcast(from = 1, with = number_to_text), upcast(from = 2, with = double))]
    Chain(u8),
}

fn number_to_text(number: u8) -> String {
    number.to_string()
}

fn double(number: u8) -> u8 {
    number * 2
}

fn main() {}
