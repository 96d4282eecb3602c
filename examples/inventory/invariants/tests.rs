use super::*;
use crate::inventory::audit::Balance;
use crate::inventory::domain::OrderedItem;

const PRICE: Money = Money::cents(250);

/// An order of one piece that was completed, and another one that was undone.
fn right() -> Audit {
    let items = vec![OrderedItem { item_id: "tea".to_owned(), quantity: 1, price: PRICE }];
    let ended = |outcome: &str, completed| OrderFacts {
        items: items.clone(),
        completed,
        cancelled: !completed,
        outcome: Some(outcome.to_owned()),
        charges: vec![PRICE],
        ..OrderFacts::default()
    };
    let mut audit = Audit::default();
    let balance = Balance { received: 3, on_hand: 2, shipped: 1, ..Balance::default() };
    audit.stock.insert("tea".to_owned(), balance);
    audit.orders.insert("o-1".to_owned(), ended("completed", true));
    let compensated = OrderFacts { refunded: PRICE, ..ended("compensated", false) };
    audit.orders.insert("o-2".to_owned(), compensated);
    audit
}

/// The names of what does not hold any more after a change.
fn violated(
    change: impl FnOnce(&mut Balance, &mut OrderFacts, &mut OrderFacts),
) -> Vec<&'static str> {
    let mut audit = right();
    let mut completed = audit.orders.remove("o-1").expect("an order");
    let mut compensated = audit.orders.remove("o-2").expect("an order");
    let balance = audit.stock.get_mut("tea").expect("an item");
    change(balance, &mut completed, &mut compensated);
    audit.orders.insert("o-1".to_owned(), completed);
    audit.orders.insert("o-2".to_owned(), compensated);
    check(&audit).iter().filter(|it| !it.holds).map(|it| it.name).collect()
}

#[test]
fn everything_holds_where_nothing_is_wrong() {
    assert_eq!(violated(|_, _, _| {}), [""; 0]);
}

#[test]
fn each_wrong_is_found() {
    let found = |what: &str, violated: Vec<&str>| {
        assert!(violated.iter().any(|name| name.contains(what)), "{what}: {violated:?}");
    };
    found("negative", violated(|stock, _, _| stock.least = -1));
    found("conserved", violated(|stock, _, _| stock.on_hand = 3));
    found("what is shipped", violated(|stock, _, _| (stock.on_hand, stock.shipped) = (1, 2)));
    found("nothing is reserved", violated(|stock, _, _| (stock.on_hand, stock.reserved) = (1, 1)));
    found("nothing is reserved", violated(reserved_for_one_that_is_parked(2)));
    found("come to its end", violated(|_, completed, _| completed.outcome = None));
    found("as their workflows ended", violated(|_, completed, _| completed.completed = false));
    found("as their workflows ended", violated(|_, _, undone| undone.cancelled = false));
    found("at most one charge", violated(|_, completed, _| completed.charges.push(PRICE)));
    found("refunds are", violated(|_, completed, _| completed.charges.clear()));
    found("refunds are", violated(|_, completed, _| completed.refunded = PRICE));
    found("refunds are", violated(|_, _, undone| undone.refunded = Money::default()));
    found("refunds are", violated(|_, _, undone| undone.charges.clear()));
}

/// The undone order waits for an operator instead, and one piece of its item is kept for so many pieces.
fn reserved_for_one_that_is_parked(
    pieces: i128,
) -> impl FnOnce(&mut Balance, &mut OrderFacts, &mut OrderFacts) {
    move |stock, _, undone| {
        (stock.on_hand, stock.reserved) = (2 - pieces, pieces);
        undone.outcome = None;
        undone.parked.insert("command".to_owned());
    }
}

#[test]
fn what_waits_for_an_operator_keeps_its_stock_and_its_money_until_he_decides() {
    assert_eq!(violated(reserved_for_one_that_is_parked(1)), [""; 0]);
    let parked = |change: fn(&mut OrderFacts)| {
        violated(move |stock, completed, undone| {
            reserved_for_one_that_is_parked(0)(stock, completed, undone);
            change(undone);
        })
    };
    assert_eq!(parked(|undone| undone.refunded = Money::default()), [""; 0]);
    assert_eq!(parked(|undone| undone.cancelled = false), [""; 0]);
    assert_eq!(parked(|undone| undone.charges.push(PRICE)).len(), 2, "charged twice, and too much");
    assert_eq!(parked(|undone| undone.refunded = PRICE.times(2)).len(), 1);
}
