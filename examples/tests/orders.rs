//! The orders from outside: their whole way, failures and repair, what is watched, and what is told to
//! others.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use es_core::{NewMessage, ReceiveOptions};
use es_examples::orders::backend;
use es_examples::orders::channels::Channels;
use serde_json::{Value, json};
#[cfg(feature = "aws")]
use support::AwsWithQueues;
use support::{Embedded, ORDERS, Output, Place, Running, eventually};

/// Makes a test of each function for each backend.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $( #[tokio::test] async fn $test() { super::$test(&super::Embedded::new()).await; } )+
        }

        #[cfg(feature = "aws")]
        mod aws {
            $(
                #[tokio::test]
                async fn $test() { super::$test(&super::AwsWithQueues::new()).await; }
            )+
        }
    };
}

on_each_backend! {
    the_main_job_brings_every_order_to_its_end,
    the_same_request_twice_is_one_order,
    an_order_that_keeps_failing_is_a_dead_letter_until_it_is_repaired_and_sent_back,
    every_subscriber_is_told_of_every_order_and_of_no_customer,
    changes_are_watched_as_they_happen,
    killed_in_the_middle_every_order_is_processed_once_and_none_is_lost,
}

/// What `create` is asked for.
#[derive(Clone, Copy)]
struct Request<'a> {
    name: &'a str,
    email: &'a str,
    item: &'a str,
}

/// No part of her name or address can stand in an id, which is hexadecimal.
const GRACE: Request<'_> =
    Request { name: "Grace Example", email: "grace@example.org", item: "tea:2:4.50" };

impl Request<'_> {
    fn arguments(&self) -> [&str; 8] {
        let Self { name, email, item } = *self;
        ["create", "--json", "--name", name, "--email", email, "--item", item]
    }

    /// Creates the order and gives its id.
    fn create(&self, data: &impl Place) -> String {
        let accepted = ORDERS.run_on(data, self.arguments()).json();
        assert_eq!(accepted["created"], true);
        accepted["id"].as_str().unwrap().to_owned()
    }

    fn create_as(&self, data: &impl Place, key: &str) -> Output {
        ORDERS.run_on(data, self.arguments().into_iter().chain(["--key", key]))
    }
}

/// Where each order is that is listed.
fn statuses(data: &impl Place) -> BTreeMap<String, String> {
    let list = ORDERS.run_on(data, ["list", "--json"]).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|it| (text(&it["id"]), text(&it["status"]))).collect()
}

/// On the embedded store only: what is asked does not depend on where it is kept.
#[cfg(unix)]
#[test]
fn what_create_is_not_told_it_asks_for() {
    let data = Embedded::new();
    let mut terminal = ORDERS.on_terminal(&data, ["create", "--name", "Grace Example"]);
    terminal.exp_string("E-mail").unwrap();
    terminal.send_line("nobody").unwrap();
    terminal.exp_string("an e-mail address has the form name@domain").unwrap();
    terminal.send_line("grace@example.org").unwrap();
    terminal.exp_string("Item (NAME:QUANTITY:PRICE").unwrap();
    terminal.send_line("tea:2:4.50").unwrap();
    terminal.exp_string("Item (Enter for no more)").unwrap();
    terminal.send_line("").unwrap();
    terminal.exp_regex("order [^ ]+ is accepted").unwrap();
    terminal.exp_eof().unwrap();

    let orders = ORDERS.run_on(&data, ["list", "--json"]).json();
    assert_eq!(orders[0]["status"], "NEW");
    assert_eq!(orders[0]["total"], 900, "in cents");
}

#[cfg(unix)]
#[test]
fn whoever_ends_the_input_has_not_answered() {
    const CTRL_D: &str = "\u{4}";
    let data = Embedded::new();
    let mut terminal = ORDERS.on_terminal(&data, ["create", "--name", "Grace Example"]);
    terminal.exp_string("E-mail").unwrap();
    terminal.send(CTRL_D).unwrap();
    terminal.flush().unwrap();
    terminal.exp_string("error: the input has ended").unwrap();
    terminal.exp_eof().unwrap();
    assert!(ORDERS.run_on(&data, ["list"]).error().contains("no orders"), "it left no trace");
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let data = Embedded::new();
    let output = ORDERS.run_on(&data, ["create", "--name", "Grace Example"]);
    assert!(output.error().contains("--email is missing, and there is no terminal to ask on"));
}

async fn until_processed(data: &impl Place, orders: &[String]) {
    eventually("the orders are processed", async || {
        let statuses = statuses(data);
        orders.iter().all(|order| statuses[order] == "PROCESSED").then_some(())
    })
    .await;
}

fn dead_letters(data: &impl Place) -> Vec<Value> {
    let list = ORDERS.run_on(data, ["dead-letters", "--json"]).json();
    list.as_array().unwrap().clone()
}

/// A `work` that has begun.
fn start_work(data: &impl Place, flags: &[&str]) -> Running {
    let mut work = ORDERS.start_on(data, ["work"].iter().chain(flags));
    work.printed("at work: order_list_v1, order_intake, order_notifier, order_processor");
    work
}

/// Asks it to stop, from another process, and tells whether it ended well.
fn stop(data: &impl Place, work: Running) {
    assert!(ORDERS.run_on(data, ["stop"]).success);
    let ended = work.finish();
    assert!(ended.success, "{ended:?}");
}

/// The next messages of a subscriber, as they came.
fn notifications(data: &impl Place, subscriber: &str, count: usize) -> Vec<String> {
    let count = count.to_string();
    let flags = ["--as", subscriber, "--count", &count, "--for", "60", "--json"];
    let shown = ORDERS.run_on(data, ["notifications"].iter().chain(&flags));
    assert!(shown.success, "{shown:?}");
    shown.stdout.lines().map(str::to_owned).collect()
}

async fn the_main_job_brings_every_order_to_its_end(data: &impl Place) {
    let totals = ORDERS.run_on(data, ["--json", "--orders", "30"]).json();
    for (figure, expected) in [
        ("accepted", 30),
        ("repeated_requests", 7),
        ("processed", 30),
        ("retried", 15),
        ("dead_lettered", 5),
        ("redriven", 5),
        ("duplicates", 30),
    ] {
        assert_eq!(totals[figure], expected, "{figure} in {totals}");
    }
    assert_eq!(totals["notifications"], json!({ "shipping": 30, "bookkeeping": 30 }));
    assert_eq!(totals["by_status"], json!({ "NEW": 0, "PROCESSED": 30 }));
    for rate in ["accepted_per_minute", "processed_per_minute"] {
        assert!(totals[rate].as_f64().unwrap() > 0.0, "{rate} in {totals}");
    }

    for order in statuses(data).keys() {
        let shown = ORDERS.run_on(data, ["show", order, "--json"]).json();
        assert_eq!(shown["version"], 2, "created once and processed once: {shown}");
    }

    // Once more, on the same data: these are other orders.
    let totals = ORDERS.run_on(data, ["--json", "--orders", "6"]).json();
    assert_eq!((&totals["accepted"], &totals["dead_lettered"]), (&json!(6), &json!(1)));
    assert_eq!(totals["by_status"], json!({ "NEW": 0, "PROCESSED": 36 }));
    assert_eq!(dead_letters(data), [] as [Value; 0]);
    let processed = ORDERS.run_on(data, ["list", "--status", "processed", "--json"]).json();
    assert_eq!(processed.as_array().unwrap().len(), 36);
    assert_eq!(ORDERS.run_on(data, ["list", "--status", "NEW", "--json"]).json(), json!([]));
}

async fn the_same_request_twice_is_one_order(data: &impl Place) {
    let first = GRACE.create_as(data, "request-1").json();
    let again = GRACE.create_as(data, "request-1").json();
    assert_eq!((&first["created"], &again["created"]), (&json!(true), &json!(false)));
    assert_eq!(first["id"], again["id"]);
    let other = Request { item: "cup:1:7", ..GRACE }.create_as(data, "request-1");
    assert_eq!(other.error(), "error: there is another order of this id");

    let id = first["id"].as_str().unwrap().to_owned();
    let work = start_work(data, &[]);
    until_processed(data, std::slice::from_ref(&id)).await;
    stop(data, work);
    assert_eq!(GRACE.create_as(data, "request-1").json()["created"], false);
    let shown = ORDERS.run_on(data, ["show", &id, "--json"]).json();
    assert_eq!((&shown["version"], &shown["status"]), (&json!(2), &json!("PROCESSED")));
    assert_eq!(shown["customer"], json!({ "name": GRACE.name, "email": GRACE.email }));
    assert_eq!((&shown["total"], &shown["payer"]), (&json!(900), &json!(GRACE.name)));
    assert_eq!(statuses(data).len(), 1);
}

async fn an_order_that_keeps_failing_is_a_dead_letter_until_it_is_repaired_and_sent_back(
    data: &impl Place,
) {
    let failing = Request { item: "gold:1:100", ..GRACE }.create(data);
    let also_failing = GRACE.create(data);
    let fine = [GRACE.create(data), GRACE.create(data)];
    let work = start_work(data, &["--fail", "gold", "--fail", &also_failing]);
    until_processed(data, &fine).await;
    let letters = eventually("both are dead letters", async || {
        let letters = dead_letters(data);
        (letters.len() == 2).then_some(letters)
    })
    .await;
    stop(data, work);

    let statuses = statuses(data);
    for order in [&failing, &also_failing] {
        assert_eq!(statuses[order], "NEW");
        let letter = letters.iter().find(|letter| letter["order"] == **order).unwrap();
        assert_eq!(letter["reason"], "attempts_used_up");
        assert_eq!(letter["attempts"], 4, "the first attempt and three retries");
        assert_eq!(letter["error"], "the payment service does not answer");

        // The original event is in it, whole.
        let id = letter["id"].as_str().unwrap();
        let shown = ORDERS.run_on(data, ["dead-letters", "show", id, "--json"]).json();
        let event = &shown["event"];
        assert_eq!(event["type"], "Order:Created");
        assert_eq!(event["subject"], format!("order:{order}"));
        assert_eq!(event["data"]["customer"], json!({ "name": GRACE.name, "email": GRACE.email }));
    }

    // Given up for good; the other one comes back.
    let id_of = |order: &str| {
        let letter = letters.iter().find(|letter| letter["order"] == order).unwrap();
        letter["id"].as_str().unwrap().to_owned()
    };
    let dropped = ORDERS.run_on(data, ["dead-letters", "drop", &id_of(&also_failing), "--json"]);
    assert_eq!(dropped.json()["dropped"]["order"], *also_failing);
    let repaired = start_work(data, &[]);
    let redrive = ["dead-letters", "redrive", "--reason", "attempts_used_up", "--json"];
    let long_ago = ["--until", "2020-01-01T00:00:00Z"];
    let nothing = ORDERS.run_on(data, [&redrive[..], &long_ago].concat()).json();
    assert_eq!(nothing["redriven"], 0);
    let redriven =
        ORDERS.run_on(data, [&redrive[..], &["--until", "2120-01-01T00:00:00Z"]].concat());
    let redriven = redriven.json();
    assert_eq!((&redriven["redriven"], &redriven["stayed"]), (&json!(1), &json!([])));
    until_processed(data, std::slice::from_ref(&failing)).await;
    stop(data, repaired);
    assert_eq!(dead_letters(data), [] as [Value; 0]);
    assert_eq!(self::statuses(data)[&also_failing], "NEW");
}

async fn every_subscriber_is_told_of_every_order_and_of_no_customer(data: &impl Place) {
    let customers = [
        Request { name: "Zoë Unmistakable", email: "zoe.u@private.example", item: "tea:1:1" },
        Request { name: "Quentin \"Q\" Ünique", email: "q+x@personal.example", item: "cup:3:7" },
    ];
    let orders = customers.map(|customer| customer.create(data));
    let work = start_work(data, &[]);
    until_processed(data, &orders).await;
    let subjects: BTreeSet<String> = orders.iter().map(|order| format!("order:{order}")).collect();
    for subscriber in ["shipping", "bookkeeping", "terminal"] {
        let messages = notifications(data, subscriber, orders.len());
        let told: BTreeSet<String> = messages
            .iter()
            .map(|message| {
                let message: Value = serde_json::from_str(message).unwrap();
                let (event, attributes) = (&message["event"], &message["attributes"]);
                assert_eq!(event["type"], "Order:Processed");
                assert_eq!(attributes["type"], "Order:Processed");
                assert_eq!(attributes["category"], "order");
                assert!(event["data"]["pieces"].as_u64().unwrap() > 0, "{event}");
                event["subject"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(told, subjects, "{subscriber}");
        assert_no_personal_data(&messages, &customers);
    }
    stop(data, work);

    // What was looked for can be found: in the order itself it is.
    let shown = ORDERS.run_on(data, ["show", &orders[0], "--json"]);
    assert!(personal_values(&customers[0]).iter().any(|value| shown.stdout.contains(value)));
}

/// Everything that says who the customer is, as it can be written in JSON, and its parts.
fn personal_values(customer: &Request<'_>) -> Vec<String> {
    let whole = [customer.name, customer.email];
    let escaped = whole.map(|value| json!(value).to_string().trim_matches('"').to_owned());
    let ascii = |text: &str| -> String {
        let unit = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => format!("\\u{:04x}", u32::from(c)),
        };
        text.chars().map(unit).collect()
    };
    let parts = whole.iter().flat_map(|value| value.split([' ', '@', '"']));
    let parts = parts.filter(|part| part.chars().count() > 2).map(str::to_owned);
    let values: Vec<String> = parts.chain(escaped).collect();
    let encoded: Vec<String> = values.iter().map(|value| ascii(value)).collect();
    values.into_iter().chain(encoded).collect()
}

fn assert_no_personal_data(texts: &[String], customers: &[Request<'_>]) {
    for value in customers.iter().flat_map(personal_values) {
        let could_be_in_an_id = value.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        assert!(!could_be_in_an_id, "{value:?} may be found by chance");
        for text in texts {
            let found = text.to_lowercase().contains(&value.to_lowercase());
            assert!(!found, "{value:?} is in {text}");
        }
    }
}

async fn changes_are_watched_as_they_happen(data: &impl Place) {
    let before = GRACE.create(data);
    let mut watch = ORDERS.start_on(data, ["watch", "--count", "3", "--for", "60", "--json"]);
    watch.said("watching; Ctrl-C ends it");
    let order = GRACE.create(data);
    let work = start_work(data, &[]);
    until_processed(data, &[before.clone(), order.clone()]).await;
    let watched = watch.finish();
    stop(data, work);
    assert!(watched.success, "{watched:?}");
    assert_no_personal_data(std::slice::from_ref(&watched.stdout), &[GRACE]);
    let changes: BTreeSet<(String, String, String)> = watched
        .stdout
        .lines()
        .map(|line| {
            let change: Value = serde_json::from_str(line).unwrap();
            let text = |field: &str| change[field].as_str().unwrap().to_owned();
            (text("order"), text("event"), text("status"))
        })
        .collect();
    let change = |order: &str, event: &str, status: &str| {
        (order.to_owned(), event.to_owned(), status.to_owned())
    };
    let expected = [
        change(&before, "Order:Processed", "PROCESSED"),
        change(&order, "Order:Created", "NEW"),
        change(&order, "Order:Processed", "PROCESSED"),
    ];
    assert_eq!(changes, expected.into());

    // From the start there is one more; and a time is an end, too.
    let all = ORDERS.run_on(data, ["watch", "--from-start", "--count", "4", "--for", "60"]);
    assert_eq!(all.stdout.lines().count(), 4, "{all:?}");
    let none = ORDERS.run_on(data, ["watch", "--for", "0.1"]);
    assert_eq!((none.success, &*none.stdout), (true, ""), "{none:?}");
}

async fn killed_in_the_middle_every_order_is_processed_once_and_none_is_lost(data: &impl Place) {
    let mut orders = Vec::new();
    for round in 1..=2 {
        // More than the processor has in hand at a time.
        for n in 0..16 {
            let name = format!("customer {round}.{n}");
            orders.push(Request { name: &name, ..GRACE }.create(data));
        }
        let processed_before = processed(data);
        let work = start_work(data, &["--payment-takes", "1"]);
        eventually("the first ones are processed", async || {
            (processed(data) > processed_before).then_some(())
        })
        .await;
        // It has others in hand for a second.
        let killed = work.kill();
        assert_eq!(killed.code, None, "it had ended: {killed:?}");
        assert!(processed(data) < orders.len(), "nothing was left to do");
    }
    let work = start_work(data, &[]);
    until_processed(data, &orders).await;
    for order in &orders {
        let shown = ORDERS.run_on(data, ["show", order, "--json"]).json();
        assert_eq!(shown["version"], 2, "created once and processed once: {shown}");
    }
    assert_eq!(statuses(data).len(), orders.len());
    assert_eq!(dead_letters(data), [] as [Value; 0]);

    // Some may be told twice, by the same id; none is left out.
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    eventually("every order was told of", async || {
        for message in notifications_until_quiet(data, "shipping") {
            let event = &serde_json::from_str::<Value>(&message).unwrap()["event"];
            let text = |field: &str| event[field].as_str().unwrap().to_owned();
            told.entry(text("subject")).or_default().insert(text("id"));
        }
        (told.len() == orders.len()).then_some(())
    })
    .await;
    assert!(told.values().all(|ids| ids.len() == 1), "{told:?}");
    stop(data, work);
}

fn processed(data: &impl Place) -> usize {
    statuses(data).into_values().filter(|status| status == "PROCESSED").count()
}

/// What there is now for a subscriber.
fn notifications_until_quiet(data: &impl Place, subscriber: &str) -> Vec<String> {
    let shown = ORDERS.run_on(data, ["notifications", "--as", subscriber, "--for", "1", "--json"]);
    assert!(shown.success, "{shown:?}");
    shown.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn people_get_tables_and_sentences() {
    let run = ORDERS.run(["--orders", "6"]);
    assert!(run.success, "{}", run.stderr);
    assert!(run.stderr.starts_with("note: the data is in "), "said before all: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "what was expected is no warning: {}", run.stderr);
    for expected in ["PROCESSED", "gift card", "accepted: 6", "dead-lettered: 1", "redriven: 1"] {
        assert!(run.stdout.contains(expected), "no {expected:?} in {}", run.stdout);
    }
    let data = run.stdout.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let on = |command: &[&str]| ORDERS.run(command.iter().chain(&["--data-dir", data]));

    let created = on(&["create", "--name", "A", "--email", "a@b", "--item", "tea:1:1"]);
    let id = created.stdout.split(' ').nth(1).unwrap();
    assert_eq!(created.stdout, format!("order {id} is accepted\n"));
    let shown = on(&["show", id]).stdout;
    assert!(shown.contains("status: NEW") && shown.contains("customer: A <a@b>"), "{shown}");
    assert_eq!(on(&["dead-letters"]).stdout, "there are none\n");
    assert!(on(&["list", "--status", "new"]).stdout.contains("1 × tea"));

    assert_eq!(on(&["clean-up"]).error(), "error: --yes says that all orders are to be removed");
    assert!(on(&["clean-up", "--yes"]).success);
    assert!(!Path::new(data).exists());
    assert_eq!(on(&["list"]).error(), format!("error: there are no orders in {data}"));
}

#[tokio::test]
async fn a_redrive_says_what_it_could_not_look_at() {
    let data = Embedded::new();
    GRACE.create(&data);
    let channels = Channels::new("orders-", None).unwrap();
    let inside = backend::Embedded::open(data.directory(), channels.clone()).await.unwrap();
    let (queues, dead) = (inside.backend().queues, channels.dead_letters);
    for body in ["one", "another"] {
        queues.send(&dead, NewMessage::new(body)).await.unwrap();
    }
    let an_hour = ReceiveOptions::default().visibility_timeout(Duration::from_secs(60 * 60));
    let at_hand = queues.receive(&dead, an_hour).await.unwrap();
    assert_eq!(at_hand.len(), 2);
    let redrive = ["dead-letters", "redrive", "--all"];
    let said = ORDERS.run_on(&data, redrive);
    let note = "note: 2 dead letters could not be looked at now: try again later";
    assert!(said.success && said.stdout.contains(note), "{said:?}");
    let json = ORDERS.run_on(&data, [&redrive[..], &["--json"]].concat()).json();
    assert_eq!(json, json!({ "redriven": 0, "stayed": [], "unseen": 2 }));
}

#[test]
fn a_look_makes_nothing() {
    let data = Embedded::new();
    GRACE.create(&data);
    // Twice: the first look has not made it for the second.
    for look in [["list"], ["list"], ["dead-letters"], ["watch"], ["notifications"], ["stop"]] {
        for (flag, missing) in
            [("--topic", "there is no topic typo"), ("--table-prefix", "there is no queue typo")]
        {
            let looked = ORDERS.run_on(&data, [&look[..], &[flag, "typo"]].concat());
            assert!(looked.error().contains(missing), "{look:?}: {looked:?}");
        }
    }
    let create = ["list", "--backend", "aws", "--create"];
    assert!(ORDERS.run(create).error().contains("--create goes with `create`"));
}

#[test]
fn what_others_put_beside_the_data_stays() {
    let data = Embedded::new();
    GRACE.create(&data);
    let note = data.directory().join("note.txt");
    std::fs::write(&note, "mine").unwrap();
    assert!(ORDERS.run_on(&data, ["clean-up", "--yes"]).success);
    let left: Vec<_> = std::fs::read_dir(data.directory()).unwrap().collect();
    assert_eq!(left.len(), 1);
    assert_eq!(std::fs::read_to_string(note).unwrap(), "mine");
}

#[test]
fn the_environment_says_how_long_and_where() {
    let data = Embedded::new();
    let command = ["list", "--json", "--data-dir", data.directory().to_str().unwrap()];
    let id = GRACE.create(&data);
    let expires_at = |environment: &[(&str, &str)]| {
        let environment: Vec<_> =
            environment.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let listed = ORDERS.start_with(&environment, command).finish().json();
        let order = &listed[0];
        assert_eq!(order["id"], *id);
        let created: es_core::Timestamp = order["created_at"].as_str().unwrap().parse().unwrap();
        order["expires_at"].as_i64().unwrap() - created.as_second()
    };
    const DAY: i64 = 24 * 60 * 60;
    assert_eq!(expires_at(&[("TTL_DAYS", "3")]), 3 * DAY);
    // It holds for what is created from then on.
    assert_eq!(expires_at(&[]), 3 * DAY);

    for (name, value) in [("TTL_DAYS", "0"), ("TTL_DAYS", "soon"), ("TABLE_NAME", "a b")] {
        let refused = ORDERS.start_with(&[(name, value.as_ref())], command).finish();
        assert!(!refused.success && refused.stderr.contains("error: "), "{name}: {refused:?}");
    }
    let topic = [("TOPIC_ARN", "arn:aws:sqs:us-east-1:123456789012:q".as_ref())];
    let refused = ORDERS.start_with(&topic, command).finish();
    assert!(refused.error().contains("is neither the ARN nor the name of a topic"), "{refused:?}");
}

#[test]
fn what_goes_wrong_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let missing = path("missing");
    let sentence = |arguments: &[&str]| ORDERS.run(arguments).error().to_owned();

    for command in ["list", "watch", "notifications", "dead-letters", "stop"] {
        let error = sentence(&[command, "--data-dir", &missing]);
        assert_eq!(error, format!("error: there are no orders in {missing}"), "{command}");
        assert!(sentence(&[command]).contains("--data-dir DIR says whose data"), "{command}");
    }
    assert!(!Path::new(&missing).exists(), "a look must not make anything");
    assert!(sentence(&["list", "--endpoint-url", "http://127.0.0.1:1"]).contains("--backend aws"));
    assert!(sentence(&["list", "--create"]).contains("--create goes with --backend aws"));
    let both = ["list", "--backend", "aws", "--data-dir", &missing];
    assert!(sentence(&both).contains("--data-dir goes with --backend sqlite"));
    assert!(sentence(&["--orders", "3", "list"]).contains("--orders goes without a subcommand"));

    let create = |name: &str, email: &str, item: &str| {
        let flags = ["--name", name, "--email", email, "--item", item];
        sentence(&[&["create", "--data-dir", &missing][..], &flags].concat())
    };
    assert_eq!(create(" ", "a@b", "tea:1:1"), "error: the customer has no name");
    assert_eq!(
        create("A", "nowhere", "tea:1:1"),
        "error: an e-mail address has the form name@domain"
    );
    let nobody = sentence(&["create", "--data-dir", &missing]);
    assert!(nobody.contains("--name is missing, and there is no terminal"), "{nobody}");
    assert!(!Path::new(&missing).exists(), "what cannot be taken makes nothing");

    let data = Embedded::new();
    GRACE.create(&data);
    let on = |command: &[&str]| ORDERS.run_on(&data, command).error().to_owned();
    assert_eq!(on(&["show", "nobody"]), "error: there is no order nobody");
    assert!(on(&["show", "a\nb"]).contains("not valid"));
    assert!(on(&[&GRACE.arguments()[..], &["--key", "a\nb"]].concat()).contains("not valid"));
    for command in [&["show", "x"][..], &["drop", "x"]] {
        let error = on(&[&["dead-letters"], command].concat());
        assert_eq!(error, "error: there is no dead letter x", "{command:?}");
    }
    let error = on(&["dead-letters", "redrive", "x"]);
    assert_eq!(error, "error: no dead letter has such an id");

    // Flags are clap's matter: it says what it would have taken.
    for arguments in [
        &["--colour"][..],
        &["--orders", "0"],
        &["create", "--item", "tea"],
        &["list", "--status", "lost"],
        &["watch", "--for", "-1"],
        &["watch", "--count", "0"],
        &["notifications", "--as", "nobody"],
        &["dead-letters", "redrive"],
        &["dead-letters", "redrive", "--all", "x"],
    ] {
        let run = ORDERS.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.stderr.contains("error:"), "{}", run.stderr);
    }
}

#[cfg(feature = "aws")]
#[test]
fn a_server_that_cannot_be_reached_is_named() {
    const NOWHERE: &str = "http://127.0.0.1:1";
    for command in ["list", "work"] {
        let refused = ORDERS.run([command, "--backend", "aws", "--endpoint-url", NOWHERE]);
        assert!(refused.error().contains(NOWHERE), "{command}: {refused:?}");
    }
    let flags = ["list", "--backend", "aws", "--endpoint-url", "nonsense"];
    assert!(ORDERS.run(flags).error().contains("\"nonsense\" is not where"));
}

#[cfg(feature = "aws")]
#[test]
fn looking_at_what_is_not_there_makes_nothing() {
    let data = AwsWithQueues::new();
    for _ in 0..2 {
        let refused = ORDERS.run_on(&data, ["list"]);
        assert!(refused.error().contains("`--create` makes what is missing"), "{refused:?}");
    }
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn the_template_makes_all_that_the_program_needs() {
    let data = AwsWithQueues::new();
    let template = ORDERS.run(["template", "--without-functions"]).json();
    data.deploy(&template).await;
    // Looking makes nothing: what is there was made by the stack.
    assert_eq!(statuses(&data), BTreeMap::new());
    assert_eq!(dead_letters(&data), [] as [Value; 0]);
    let order = GRACE.create(&data);
    let work = start_work(&data, &[]);
    until_processed(&data, &[order]).await;
    assert_eq!(notifications(&data, "shipping", 1).len(), 1);
    stop(&data, work);
}

#[cfg(not(feature = "aws"))]
#[test]
fn aws_needs_a_program_that_was_built_with_it() {
    let refused = ORDERS.run(["list", "--backend", "aws"]);
    assert!(refused.error().contains("build it with `--features aws`"), "{refused:?}");
}

#[test]
fn a_request_to_stop_that_nobody_took_is_not_for_those_who_begin_later() {
    let data = Embedded::new();
    let order = GRACE.create(&data);
    assert!(ORDERS.run_on(&data, ["stop"]).success);
    let mut work = start_work(&data, &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(until_processed(&data, &[order]));
    assert!(!work.has_ended());
    stop(&data, work);
}

#[cfg(unix)]
#[test]
fn live_commands_end_well_by_ctrl_c() {
    let data = Embedded::new();
    GRACE.create(&data);
    for (command, said) in [("watch", "watching;"), ("notifications", "watching orders-terminal;")]
    {
        let mut running = ORDERS.start_on(&data, [command]);
        running.said(said);
        let ended = running.interrupt();
        assert!(ended.success, "{command}: {ended:?}");
    }
    let ended = start_work(&data, &[]).interrupt();
    assert!(ended.success, "{ended:?}");
}
