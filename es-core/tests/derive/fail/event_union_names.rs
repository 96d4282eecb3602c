use es_core::Event;

#[derive(Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Placed,
    Shipped,
}

#[derive(Event)]
#[event(prefix = "Parcel")]
enum ParcelEvent {
    #[event(alias = "Order:Shipped")]
    Sent,
}

#[derive(Event)]
#[event(union)]
enum Ambiguous {
    Parcel(ParcelEvent),
    Order(OrderEvent),
}

#[derive(Event)]
#[event(union)]
enum Twice {
    Order(OrderEvent),
    Again(OrderEvent),
}

fn main() {}
