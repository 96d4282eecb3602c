use es_core::testing::Given;

use super::*;

mod properties;
mod stored;

fn item(item_id: &str, quantity: u32) -> OrderedItem {
    OrderedItem { item_id: item_id.to_owned(), quantity, price: Money::cents(250) }
}

fn request(customer: &str) -> OrderRequest {
    OrderRequest { customer_id: customer.to_owned(), items: vec![item("tea", 2), item("cup", 1)] }
}

fn created() -> Given<Order> {
    Given::nothing().command(OrderCommand::Create(request("c-1")))
}

#[test]
fn an_order_is_created_with_its_total() {
    let OrderRequest { customer_id, items } = request("c-1");
    Given::<Order>::nothing()
        .when(OrderCommand::Create(request("c-1")))
        .then_events([OrderEvent::Created { customer_id, items, total: Money::cents(750) }]);
}

#[test]
fn the_same_request_again_changes_nothing_and_another_one_is_refused() {
    created().when(OrderCommand::Create(request("c-1"))).then_nothing();
    created().when(OrderCommand::Create(request("c-2"))).then_rejected(OrderError::AnotherOrder);
}

#[test]
fn what_cannot_be_fulfilled_is_not_taken() {
    let with = |change: fn(&mut OrderRequest)| {
        let mut request = request("c-1");
        change(&mut request);
        OrderCommand::Create(request)
    };
    for (command, error) in [
        (with(|it| it.items.clear()), InvalidRequest::NoItems),
        (with(|it| it.items = vec![item("tea", 1); 21]), InvalidRequest::TooManyItems),
        (with(|it| it.items.push(item("tea", 1))), InvalidRequest::ItemTwice),
        (with(|it| it.items[0].quantity = 0), InvalidRequest::Quantity),
        (with(|it| it.items[0].quantity = 1_001), InvalidRequest::Quantity),
        (with(|it| it.items[0].item_id.clear()), InvalidRequest::Id),
        (with(|it| it.items[0].item_id = "a\x1b[2J".to_owned()), InvalidRequest::Id),
        (with(|it| it.items[0].item_id = " a".to_owned()), InvalidRequest::Id),
        (with(|it| it.customer_id = "c".repeat(101)), InvalidRequest::Id),
    ] {
        Given::<Order>::nothing().when(command).then_rejected(OrderError::Invalid(error));
    }
}

#[test]
fn an_order_is_accepted_and_completed_once() {
    created().when(OrderCommand::Complete).then_rejected(OrderError::NotAccepted);
    created().when(OrderCommand::Accept).then_events([OrderEvent::Accepted]);
    let accepted = || created().command(OrderCommand::Accept);
    accepted().when(OrderCommand::Accept).then_nothing();
    accepted().when(OrderCommand::Complete).then_events([OrderEvent::Completed]);
    let completed = || accepted().command(OrderCommand::Complete);
    for command in [OrderCommand::Accept, OrderCommand::Complete] {
        completed().when(command).then_nothing();
    }
}

#[test]
fn an_order_that_is_cancelled_refuses_what_comes_late() {
    created().when(OrderCommand::Cancel).then_events([OrderEvent::Cancelled]);
    let cancelled = || created().command(OrderCommand::Cancel);
    cancelled().when(OrderCommand::Cancel).then_nothing();
    for command in [OrderCommand::Accept, OrderCommand::Complete] {
        cancelled().when(command).then_rejected(OrderError::IsCancelled);
    }
    let completed = created().command(OrderCommand::Accept).command(OrderCommand::Complete);
    completed.when(OrderCommand::Cancel).then_rejected(OrderError::IsCompleted);
}

#[test]
fn nothing_can_be_done_with_an_order_that_nobody_asked_for() {
    for command in [OrderCommand::Accept, OrderCommand::Complete, OrderCommand::Cancel] {
        Given::<Order>::nothing().when(command).then_rejected(OrderError::NotCreated);
    }
}

fn ten() -> Given<Stock> {
    Given::nothing().command(StockCommand::Restock { quantity: 10 })
}

fn reserve(order: &str, quantity: u32) -> StockCommand {
    StockCommand::Reserve { order: order.to_owned(), quantity }
}

fn release(order: &str) -> StockCommand {
    StockCommand::Release { order: order.to_owned() }
}

fn ship(order: &str) -> StockCommand {
    StockCommand::Ship { order: order.to_owned() }
}

#[test]
fn more_than_there_is_cannot_be_reserved() {
    ten().when(reserve("o-1", 11)).then_rejected(StockError::NotEnough);
    ten().command(reserve("o-1", 6)).when(reserve("o-2", 5)).then_rejected(StockError::NotEnough);
    ten().command(reserve("o-1", 6)).when(reserve("o-2", 4)).then_state(|stock| {
        assert_eq!((stock.received, stock.on_hand, stock.reserved()), (10, 0, 10));
    });
}

#[test]
fn an_order_is_reserved_for_once() {
    let reserved = || ten().command(reserve("o-1", 6));
    reserved().when(reserve("o-1", 6)).then_nothing();
    reserved().when(reserve("o-1", 5)).then_rejected(StockError::AnotherReservation);
    ten().when(reserve("o-1", 0)).then_rejected(StockError::Nothing);
}

#[test]
fn what_is_released_can_be_had_again_but_not_by_the_same_order() {
    let released = || ten().command(reserve("o-1", 6)).command(release("o-1"));
    released()
        .when(release("o-1"))
        .then_state(|stock| assert_eq!((stock.on_hand, stock.reserved()), (10, 0)));
    released().when(release("o-1")).then_nothing();
    released().when(reserve("o-1", 6)).then_rejected(StockError::IsReleased);
    released().when(ship("o-1")).then_rejected(StockError::IsReleased);
}

#[test]
fn a_release_that_comes_before_the_reservation_leaves_a_mark() {
    let barred = StockEvent::Barred { order: "o-1".to_owned() };
    ten().when(release("o-1")).then_events([barred]);
    let barred = || ten().command(release("o-1"));
    barred().when(reserve("o-1", 6)).then_rejected(StockError::IsReleased);
    barred().when(reserve("o-2", 6)).then_state(|stock| assert_eq!(stock.on_hand, 4));
}

#[test]
fn what_was_sent_is_sent_once_and_does_not_come_back() {
    ten().when(ship("o-1")).then_rejected(StockError::NotReserved);
    let shipped = || ten().command(reserve("o-1", 6)).command(ship("o-1"));
    shipped()
        .when(ship("o-1"))
        .then_state(|stock| assert_eq!((stock.on_hand, stock.shipped()), (4, 6)));
    shipped().when(ship("o-1")).then_nothing();
    shipped().when(release("o-1")).then_rejected(StockError::IsShipped);
}

#[test]
fn a_delivery_has_a_size() {
    for quantity in [0, Stock::MAX_DELIVERY + 1] {
        ten().when(StockCommand::Restock { quantity }).then_rejected(StockError::Delivery);
    }
}

const AMOUNT: Money = Money::cents(750);

fn requested() -> Given<Payment> {
    Given::nothing().command(PaymentCommand::Request { amount: AMOUNT })
}

fn capture() -> PaymentCommand {
    PaymentCommand::Capture { reference: "charge-1".to_owned() }
}

fn decline() -> PaymentCommand {
    PaymentCommand::Decline { reason: "payment declined".to_owned() }
}

#[test]
fn the_first_answer_to_a_request_counts() {
    for answer in [capture(), decline()] {
        Given::<Payment>::nothing().when(answer).then_rejected(PaymentError::NotRequested);
    }
    requested().when(PaymentCommand::Request { amount: AMOUNT }).then_nothing();
    requested()
        .when(capture())
        .then_events([PaymentEvent::Captured { reference: "charge-1".to_owned() }]);
    requested().command(capture()).when(decline()).then_nothing();
    requested().command(decline()).when(capture()).then_nothing();
}

#[test]
fn what_was_taken_goes_back_and_what_was_not_is_called_off() {
    let back = |returned| PaymentCommand::TakeBack { returned };
    let refunded = || [PaymentEvent::Refunded { amount: AMOUNT }];
    requested().command(capture()).when(back(Some(AMOUNT))).then_events(refunded());
    // The money was taken, and nobody heard of it.
    requested().when(back(Some(AMOUNT))).then_events(refunded());
    requested().command(decline()).when(back(None)).then_events([PaymentEvent::CalledOff]);
    Given::<Payment>::nothing().when(back(None)).then_events([PaymentEvent::CalledOff]);
}

#[test]
fn a_payment_that_is_called_off_hears_no_late_answer_and_no_late_request() {
    for returned in [None, Some(AMOUNT)] {
        let over = || requested().command(PaymentCommand::TakeBack { returned });
        for late in [capture(), decline(), PaymentCommand::TakeBack { returned }] {
            over().when(late).then_nothing();
        }
        let request = PaymentCommand::Request { amount: AMOUNT };
        over().when(request).then_rejected(PaymentError::IsCalledOff);
    }
}

#[test]
fn workflows_and_notifications_say_it_once() {
    let trigger = || WorkflowCommand::Trigger {
        workflow_id: "w-1".to_owned(),
        items: vec![item("tea", 2)],
        total: AMOUNT,
    };
    Given::<Workflow>::nothing().command(trigger()).when(trigger()).then_nothing();
    Given::<Notification>::nothing()
        .when(NotificationCommand::Send)
        .then_events([NotificationEvent::Sent]);
    Given::<Notification>::nothing()
        .command(NotificationCommand::Send)
        .when(NotificationCommand::Send)
        .then_nothing();
}
