use es_core::testing::Given;

use super::*;

mod properties;
mod stored;

pub(super) fn item(text: &str) -> Item {
    text.parse().expect("an item")
}

fn request(name: &str) -> OrderRequest {
    let customer = Customer { name: name.to_owned(), email: "ada@example.org".to_owned() };
    OrderRequest { customer, items: vec![item("tea:2:4.50"), item("cup:1:7")] }
}

fn payment(reference: &str) -> Payment {
    Payment { reference: reference.to_owned(), payer: "A. Example".to_owned() }
}

fn created() -> Given<Order> {
    Given::nothing().command(OrderCommand::Create(request("Ada")))
}

fn processed() -> Given<Order> {
    created().command(OrderCommand::Process(payment("p-1")))
}

#[test]
fn an_order_is_created_with_its_total() {
    let OrderRequest { customer, items } = request("Ada");
    Given::<Order>::nothing()
        .when(OrderCommand::Create(request("Ada")))
        .then_events([OrderEvent::Created { customer, items, total: Money::cents(1600) }]);
}

#[test]
fn the_same_request_again_changes_nothing_and_another_one_is_refused() {
    for given in [created, processed] {
        given().when(OrderCommand::Create(request("Ada"))).then_nothing();
        given().when(OrderCommand::Create(request("Bo"))).then_rejected(OrderError::AnotherOrder);
    }
}

#[test]
fn an_order_is_processed_once() {
    created().when(OrderCommand::Process(payment("p-1"))).then_events([OrderEvent::Processed {
        pieces: 3,
        total: Money::cents(1600),
        payment: "p-1".to_owned(),
        payer: "A. Example".to_owned(),
    }]);
    processed().when(OrderCommand::Process(payment("p-2"))).then_nothing();
    Given::<Order>::nothing()
        .when(OrderCommand::Process(payment("p-1")))
        .then_rejected(OrderError::NotCreated);
}

#[test]
fn what_cannot_be_delivered_is_not_taken() {
    let with = |change: fn(&mut OrderRequest)| {
        let mut request = request("Ada");
        change(&mut request);
        OrderCommand::Create(request)
    };
    let long = |request: &mut OrderRequest| request.customer.name = "n".repeat(201);
    let many = |request: &mut OrderRequest| request.items = vec![item("tea:1:1"); 101];
    for (command, error) in [
        (with(|request| request.customer.name = " ".to_owned()), OrderError::CustomerWithoutName),
        (with(|request| request.customer.name = "A\x1b[2J".to_owned()), OrderError::InvalidName),
        (with(long), OrderError::InvalidName),
        (with(|request| request.items.clear()), OrderError::NoItems),
        (with(many), OrderError::TooManyItems),
    ] {
        Given::<Order>::nothing().when(command).then_rejected(error);
    }
}

#[test]
fn an_address_has_two_sides() {
    for email in ["ada@example.org", "a+b@x", "\"a\"@[127.0.0.1]"] {
        assert_eq!(check_email(email), Ok(()), "{email}");
    }
    let long = format!("{}@example.org", "a".repeat(200));
    for email in ["", "ada", "@", "ada@", "@example.org", "a b@x", "a@b@c", "a@b\n", &*long] {
        assert_eq!(check_email(email), Err(OrderError::InvalidEmail), "{email:?}");
    }
}

#[test]
fn items_are_read_from_the_command_line() {
    assert_eq!(item("tea:2:4.50").to_string(), "2 × tea");
    assert_eq!(item("a: b:1:0").name(), "a: b");
    assert_eq!(item("tea:2:4.50").cost(), Money::cents(900));
    let long = format!("{}:1:1", "n".repeat(101));
    for (text, error) in [
        ("", InvalidItem::Form),
        ("tea", InvalidItem::Form),
        ("tea:4.50", InvalidItem::Form),
        (":1:1", InvalidItem::Name),
        ("\n:1:1", InvalidItem::Name),
        (&*long, InvalidItem::Name),
        ("tea:0:1", InvalidItem::Quantity),
        ("tea:1001:1", InvalidItem::Quantity),
        ("tea:x:1", InvalidItem::Quantity),
        ("tea:1:free", InvalidItem::Price),
        ("tea:1:100000.01", InvalidItem::Price),
    ] {
        assert_eq!(text.parse::<Item>(), Err(error), "{text:?}");
    }
}
