use es_core::Event;

#[derive(Event)]
#[event(prefix = "Order")]
enum OrderEvent {
    Placed,
}

#[derive(Event)]
#[event(union, prefix = "Shop", union)]
enum ShopEvent {
    #[event(name = "Bestellung")]
    Order(#[serde(default)] OrderEvent),
    Both(OrderEvent, OrderEvent),
    Named { order: OrderEvent },
    None,
}

#[derive(Event)]
#[event(union)]
enum Generic<T> {
    Order(T),
}

#[derive(Event)]
#[event(union)]
struct Struct(OrderEvent);

fn main() {}
