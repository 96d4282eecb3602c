use super::*;

#[test]
fn a_stack_is_named_after_its_example_unless_said_otherwise() {
    let of = |name: Option<&str>| Stack::of("orders", name.map(str::to_owned));
    assert_eq!(of(None).expect("a stack").prefix(), "orders-");
    assert_eq!(of(Some("shop-2")).expect("a stack").prefix(), "shop-2-");
}

#[test]
fn what_is_printed_names_the_stack_that_was_deployed() {
    let of = |name: Option<&str>| Stack::of("orders", name.map(str::to_owned)).expect("a stack");
    assert_eq!(of(None).arguments(), "orders");
    assert_eq!(of(Some("shop")).arguments(), "orders --stack shop");
}

#[test]
fn a_name_that_cloudformation_does_not_take_is_refused() {
    for name in ["", "2shop", "my_shop", "a b", &"a".repeat(129)] {
        Stack::of("orders", Some(name.to_owned())).expect_err(name);
    }
}
