//! `#[derive(Command)]`.

use es_core::{Addressed, Command};

#[derive(Debug, Clone)]
struct OrderId(String);

impl AsRef<str> for OrderId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Command)]
enum OrderCommand {
    Place {
        #[command(id)]
        order: OrderId,
        customer: String,
    },
    #[command(name = "Send")]
    Ship(u8, #[command(id)] String),
    r#Type(#[command(id)] &'static str),
}

#[derive(Debug, Clone, Command)]
#[command(name = "Ping")]
struct SendPing {
    #[command(id)]
    host: String,
}

#[derive(Debug, Clone, Command)]
struct Tick;

#[derive(Debug, Clone, Command)]
enum Unaddressed {
    Start { at: u8 },
    Stop,
}

#[derive(Debug, Clone, Command)]
enum Never {}

#[derive(Debug, Clone, Command)]
struct Envelope<I: AsRef<str>, T>(#[command(id)] I, T);

#[test]
fn a_name_is_that_of_the_variant_or_struct() {
    let place = OrderCommand::Place { order: OrderId("o".into()), customer: "Ada".into() };
    assert!(matches!(&place, OrderCommand::Place { customer, .. } if customer == "Ada"));
    assert_eq!(place.name(), "Place");
    assert_eq!(OrderCommand::r#Type("o").name(), "Type");
    assert_eq!(Tick.name(), "Tick");
    let start = Unaddressed::Start { at: 1 };
    assert!(matches!(start, Unaddressed::Start { at: 1 }));
    assert_eq!([start.name(), Unaddressed::Stop.name()], ["Start", "Stop"]);
}

#[test]
fn a_name_can_be_given() {
    let ship = OrderCommand::Ship(1, "o".into());
    assert!(matches!(ship, OrderCommand::Ship(1, _)));
    assert_eq!(ship.name(), "Send");
    assert_eq!(SendPing { host: "h".into() }.name(), "Ping");
}

#[test]
fn the_marked_field_addresses_the_command() {
    let place = OrderCommand::Place { order: OrderId("o-1".into()), customer: "Ada".into() };
    assert_eq!(place.aggregate_id(), "o-1");
    assert_eq!(OrderCommand::Ship(1, "o-2".into()).aggregate_id(), "o-2");
    assert_eq!(OrderCommand::r#Type("o-3").aggregate_id(), "o-3");
    assert_eq!(SendPing { host: "h-1".into() }.aggregate_id(), "h-1");
}

#[test]
fn a_generic_command_has_the_bounds_of_its_type() {
    let envelope = Envelope("e-1", 5_u8);
    assert_eq!((envelope.name(), envelope.aggregate_id(), envelope.1), ("Envelope", "e-1", 5));
}

#[test]
fn a_command_without_variants_is_a_command() {
    fn is_command<C: Command>() {}
    is_command::<Never>();
}
