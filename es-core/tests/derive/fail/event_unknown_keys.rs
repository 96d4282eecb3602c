use es_core::Event;

#[derive(Event)]
#[event(prefx = "A", prefix = "A", prefix = "B", unknown = "ignore")]
enum AnEvent {
    #[event(prefix = "B", nmae("x", y), version = 1)]
    Started {
        #[event(id)]
        field: u8,
    },
    #[event(name = "A", name = "B")]
    Ended,
}

fn main() {}
