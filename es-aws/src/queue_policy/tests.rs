use proptest::prelude::*;

use super::*;

const QUEUE: &str = "arn:aws:sqs:eu-central-1:123456789012:billing";
const SNS: &str = "sns.amazonaws.com";

fn own() -> OwnStatement {
    OwnStatement { service: SNS, id: "Own".to_owned() }
}

fn topic(name: &str) -> String {
    format!("arn:aws:sns:eu-central-1:123456789012:{name}")
}

fn topics(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| topic(name)).collect()
}

fn policy(statements: &Value) -> QueuePolicy {
    let policy = json!({ "Version": "2012-10-17", "Id": "p", "Statement": statements });
    QueuePolicy::parse(QUEUE, Some(&policy.to_string())).unwrap()
}

fn statements(policy: &QueuePolicy) -> Value {
    match &*policy.to_json() {
        "" => json!([]),
        text => serde_json::from_str::<Value>(text).unwrap()["Statement"].take(),
    }
}

/// A statement of the usual form for one sender, as somebody writes it.
fn single(name: &str) -> Value {
    let mut single = letting_in(SNS, &json!(QUEUE), &[]);
    single["Condition"]["ArnEquals"]["aws:SourceArn"] = json!(topic(name));
    single
}

fn listing(names: &[&str]) -> Value {
    let arns: Vec<_> = topics(names).into_iter().map(Value::String).collect();
    own().letting_in(&json!(QUEUE), &arns)
}

#[test]
fn all_senders_are_one_condition_of_one_statement() {
    let mut policy = QueuePolicy::parse(QUEUE, None).unwrap();
    assert!(!policy.let_in(&own(), &BTreeSet::new()));
    let names: Vec<_> = (0..30).map(|n| format!("topic-{n}")).collect();
    let many: BTreeSet<_> = names.iter().map(|name| topic(name)).collect();
    assert!(policy.let_in(&own(), &many));
    assert!(!policy.let_in(&own(), &many), "it says so already");
    policy.within_limits("billing").unwrap();
    assert_eq!(statements(&policy).as_array().unwrap().len(), 1);
    assert_eq!(policy.own_senders(&own()), many);
    assert!(policy.let_in(&own(), &BTreeSet::new()));
    assert_eq!(policy.to_json(), "", "no statement is no policy");
}

#[test]
fn what_others_let_in_is_said_in_the_own_statement_all_the_same() {
    let mut theirs = single("orders");
    theirs["Sid"] = json!("theirs");
    let mut policy = policy(&json!([theirs]));
    assert!(policy.let_in(&own(), &topics(&["orders"])));
    assert_eq!(statements(&policy), json!([theirs, listing(&["orders"])]));
    assert!(!policy.let_in(&own(), &topics(&["orders"])));
}

#[test]
fn only_single_senders_without_an_id_in_the_usual_form_are_taken() {
    let with = |change: fn(&mut Value)| {
        let mut statement = single("theirs");
        change(&mut statement);
        statement
    };
    let others = [
        with(|it| it["Sid"] = json!("theirs")),
        with(|it| it["Effect"] = json!("Deny")),
        with(|it| it["Action"] = json!("sqs:*")),
        with(|it| it["Resource"] = json!("*")),
        with(|it| it["Principal"] = json!("*")),
        with(|it| it["Principal"]["Service"] = json!("events.amazonaws.com")),
        with(|it| it["Condition"]["Bool"] = json!({ "aws:SecureTransport": true })),
        with(|it| it["Condition"]["ArnEquals"]["aws:SourceArn"] = json!([topic("theirs")])),
        json!("no statement"),
        listing(&["own"]),
    ];
    let mut all = others.to_vec();
    all.insert(0, single("a"));
    all.insert(5, single("b"));
    all.push(single("a"));
    let mut policy = policy(&json!(all));
    assert_eq!(policy.take_single_senders(SNS), topics(&["a", "b"]));
    assert_eq!(statements(&policy), json!(others));
    assert_eq!(policy.take_single_senders(SNS), BTreeSet::new());
}

#[test]
fn an_own_statement_that_somebody_has_changed_is_put_right_and_keeps_its_senders() {
    let mut wider = listing(&["a", "b"]);
    wider["Action"] = json!("sqs:*");
    let mut policy = policy(&json!([wider]));
    let senders = policy.own_senders(&own());
    assert_eq!(senders, topics(&["a", "b"]));
    assert!(policy.let_in(&own(), &senders));
    assert_eq!(statements(&policy), json!([listing(&["a", "b"])]));
}

#[test]
fn whom_an_own_statement_was_made_to_refuse_is_not_let_in_by_it() {
    let mut denying = listing(&["a"]);
    denying["Effect"] = json!("Deny");
    let policy = policy(&json!([denying]));
    assert_eq!(policy.own_senders(&own()), BTreeSet::new());
    assert_eq!(policy.senders(SNS).count(), 0);
}

#[test]
fn what_others_have_said_stays() {
    let theirs = json!({ "Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*" });
    for said in [theirs.clone(), json!([theirs])] {
        let mut policy = policy(&said);
        policy.let_in(&own(), &topics(&["orders"]));
        let written: Value = serde_json::from_str(&policy.to_json()).unwrap();
        assert_eq!(written["Id"], "p");
        assert_eq!(written["Statement"], json!([theirs, listing(&["orders"])]));
    }
}

#[test]
fn what_is_no_policy_is_an_error() {
    for policy in ["{", "[]", "\"allow\"", "1"] {
        assert!(QueuePolicy::parse(QUEUE, Some(policy)).is_err(), "{policy}");
    }
}

#[test]
fn each_limit_is_told_one_behind_what_sqs_takes() {
    let theirs = |number: usize, principal: &Value, conditions: usize| {
        let keys = (0..conditions).map(|n| (format!("aws:PrincipalTag/{n}"), json!("x")));
        let condition = json!({ "StringEquals": keys.collect::<Map<_, _>>() });
        let statement =
            json!({ "Effect": "Allow", "Principal": principal, "Condition": condition });
        json!(vec![statement; number])
    };
    let accounts = |number: usize| json!({ "AWS": vec!["123456789012"; number], "Service": "s" });
    for (most, over, limit) in [
        (theirs(19, &Value::Null, 0), theirs(20, &Value::Null, 0), PolicyLimit::Statements),
        (theirs(3, &json!("*"), 3), theirs(5, &json!("*"), 2), PolicyLimit::Conditions),
        (theirs(1, &accounts(48), 0), theirs(1, &accounts(49), 0), PolicyLimit::Principals),
    ] {
        let mut fitting = policy(&most);
        fitting.let_in(&own(), &topics(&["a"]));
        fitting.within_limits("billing").unwrap_or_else(|error| panic!("{error}"));
        let mut policy = policy(&over);
        policy.let_in(&own(), &topics(&["a"]));
        let too_large = policy.within_limits("billing").unwrap_err();
        let (queue, actual) = ("billing".to_owned(), limit.most() + 1);
        assert_eq!(too_large, QueuePolicyTooLarge { queue, limit, actual });
    }
    let mut fitting = QueuePolicy::parse(QUEUE, None).unwrap();
    fitting.let_in(&own(), &topics(&["a"]));
    let room = PolicyLimit::Bytes.most() - fitting.to_json().len();
    for (more, fits) in [(room, true), (room + 1, false)] {
        let mut policy = QueuePolicy::parse(QUEUE, None).unwrap();
        policy.let_in(&own(), &topics(&[&"a".repeat(1 + more)]));
        assert_eq!(policy.within_limits("billing").is_ok(), fits, "{}", policy.to_json().len());
    }
}

/// A statement of somebody else's, or one as older versions have made them, or the own one.
fn any_statement() -> impl Strategy<Value = Value> {
    let name = "[ab]";
    let of_others = prop_oneof![
        Just(json!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:*" })),
        name.prop_map(|name| {
            let mut statement = single(&name);
            statement["Sid"] = json!("theirs");
            statement
        }),
        name.prop_map(|name| letting_in(SNS, &json!(QUEUE), &[json!(topic(&name))])),
        name.prop_map(|name| letting_in("events.amazonaws.com", &json!(QUEUE), &[json!(name)])),
        any::<i64>().prop_map(|number| json!(number)),
    ];
    prop_oneof![4 => of_others, 2 => name.prop_map(|it| single(&it)), 1 => name.prop_map(|it| listing(&[&it]))]
}

proptest! {
    #[test]
    fn whatever_a_policy_says_others_keep_their_statements_in_their_order(
        said in proptest::collection::vec(any_statement(), 0..8),
        wanted in proptest::collection::btree_set("[abc]", 0..4),
        folding in any::<bool>(),
    ) {
        let wanted: BTreeSet<_> = wanted.iter().map(|name| topic(name)).collect();
        let mut policy = policy(&json!(said));
        let is_single = |it: &Value| {
            it["Sid"].is_null() && it["Condition"]["ArnEquals"]["aws:SourceArn"].is_string()
        };
        if folding {
            let taken: BTreeSet<_> = said.iter().filter(|it| is_single(it)).collect::<Vec<_>>().into_iter()
                .map(|it| it["Condition"]["ArnEquals"]["aws:SourceArn"].as_str().unwrap().to_owned()).collect();
            prop_assert_eq!(policy.take_single_senders(SNS), taken);
        }
        policy.let_in(&own(), &wanted);

        let is_others = |it: &&Value| it["Sid"] != "Own" && !(folding && is_single(it));
        let written = statements(&policy);
        let written: Vec<_> = written.as_array().unwrap().iter().collect();
        let of_others: Vec<_> = written.iter().copied().filter(is_others).collect();
        prop_assert_eq!(of_others, said.iter().filter(is_others).collect::<Vec<_>>());
        let own_ones = written.iter().filter(|it| it["Sid"] == "Own").count();
        prop_assert_eq!(own_ones, usize::from(!wanted.is_empty()));
        prop_assert_eq!(policy.own_senders(&own()), wanted.clone());
        prop_assert!(!policy.let_in(&own(), &wanted), "it says so already");
    }
}
