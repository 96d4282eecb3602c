//! The inventory from outside: its run and what must hold, what is killed in the middle, and what is shown.

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{Embedded, INVENTORY, Place, eventually};

const SMALL: [&str; 11] = [
    "--json",
    "--orders",
    "60",
    "--items",
    "4",
    "--stock",
    "20",
    "--decline-rate",
    "0.2",
    "--silent-rate",
    "0.1",
];

/// Runs the main job to its end; everything that must hold does.
fn run(data: &impl Place, flags: &[&str]) -> Value {
    let outcome = INVENTORY.run_on(data, SMALL.iter().chain(flags)).json();
    let invariants = outcome["invariants"].as_array().unwrap();
    assert_eq!(invariants.len(), 7);
    assert!(invariants.iter().all(|it| it["holds"] == true), "{outcome:#}");
    outcome
}

fn compensated(outcome: &Value) -> u64 {
    let groups = outcome["compensated"].as_object().unwrap();
    groups.values().map(|group| group["orders"].as_u64().unwrap()).sum()
}

#[test]
fn every_order_comes_to_its_end_whatever_dies() {
    for seed in ["1", "2"] {
        let outcome = run(&Embedded::new(), &["--seed", seed, "--crashes", "40"]);
        assert_eq!((&outcome["orders"], &outcome["crashes"]), (&json!(60), &json!(40)));
        let completed = outcome["completed"]["orders"].as_u64().unwrap();
        assert_eq!(completed + compensated(&outcome), 60, "{outcome:#}");
        let (charges, refunds) = (outcome["charges"].as_u64(), outcome["refunds"].as_u64());
        assert_eq!(charges, refunds.map(|refunds| refunds + completed));
        for nothing in ["parked", "running", "partly_compensated"] {
            assert_eq!(outcome[nothing], 0, "{nothing}");
        }
    }
}

#[test]
fn the_read_models_show_what_has_become_of_orders_and_stock() {
    let data = Embedded::new();
    let outcome = run(&data, &["--crashes", "2"]);
    let orders = INVENTORY.run_on(&data, ["orders", "--json"]).json();
    let orders = orders.as_array().unwrap();
    let of = |status: &str| orders.iter().filter(|it| it["status"] == status).count() as u64;
    assert_eq!(orders.len(), 60);
    assert_eq!(of("completed"), outcome["completed"]["orders"].as_u64().unwrap());
    assert_eq!(of("cancelled"), compensated(&outcome));

    let stock = INVENTORY.run_on(&data, ["stock", "--json"]).json();
    let stock = stock.as_array().unwrap();
    assert_eq!(stock.len(), 4);
    for level in stock {
        let of = |field: &str| level[field].as_u64().unwrap();
        assert_eq!(of("received"), of("on_hand") + of("reserved") + of("shipped"), "{level}");
        assert_eq!(of("reserved"), 0);
    }
}

#[tokio::test]
async fn a_run_that_was_killed_goes_on_where_it_was() {
    let data = Embedded::new();
    for (listed_then, orders) in [("some", 5), ("more", 30)] {
        let mut running = INVENTORY.start_on(&data, SMALL.iter().chain(&["--seed", "3"]));
        eventually(listed_then, async || {
            (running.has_ended() || listed(&data) >= orders).then_some(())
        })
        .await;
        running.kill();
    }
    let outcome = run(&data, &["--seed", "3"]);
    assert_eq!(outcome["orders"], 60);
    assert_eq!(outcome["running"], 0);
    // And once more, when all is over.
    let again = run(&data, &["--seed", "3", "--crashes", "0"]);
    for part in ["orders", "completed", "compensated", "charges", "refunds"] {
        assert_eq!(again[part], outcome[part], "{part}");
    }
}

/// How many orders are listed; none, as long as there is no database.
fn listed(data: &impl Place) -> usize {
    let output = INVENTORY.run_on(data, ["orders", "--json"]);
    match output.success {
        true => output.json().as_array().unwrap().len(),
        false => 0,
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_made() {
    for (flags, reason) in [
        (&["--orders", "0"][..], "0 is not in 1..=100000"),
        (&["--items", "1001"], "1001 is not in 1..=1000"),
        (&["--stock", "-1"], "unexpected argument"),
        (&["--decline-rate", "1.01"], "is not a rate from 0 to 1"),
        (&["--silent-rate", "NaN"], "is not a rate from 0 to 1"),
        (&["--seed", "x"], "invalid digit"),
        (&["--crashes", "10001"], "10001 is not in 0..=10000"),
        (&["--seed", "1", "stock"], "--seed goes with the main job"),
        (&["stock"], "there is no inventory in"),
        (&["orders"], "there is no inventory in"),
    ] {
        let data = Embedded::new();
        let output = INVENTORY.run_on(&data, flags);
        assert!(!output.success, "{flags:?}");
        assert!(output.stderr.contains(reason), "{flags:?}: {}", output.stderr);
        assert_eq!(std::fs::read_dir(data.directory()).unwrap().count(), 0, "{flags:?}");
    }
    assert!(INVENTORY.run(["stock"]).error().contains("--data-dir DIR says whose data"));
}

#[test]
fn another_run_of_the_same_seed_is_not_mixed_into_one_on_the_same_data() {
    let data = Embedded::new();
    run(&data, &["--seed", "5"]);
    let other = INVENTORY.run_on(&data, ["--orders", "5", "--items", "9", "--seed", "5"]);
    assert!(other.error().contains("there is another order of this id"));
    // Another seed makes other orders, on the same stock.
    assert_eq!(run(&data, &["--seed", "6"])["orders"], 120);
}

/// The ids of the orders of each outcome.
fn orders_that_are(data: &impl Place, status: &str) -> Vec<String> {
    let listed = INVENTORY.run_on(data, ["workflows", "--json", "--status", status]).json();
    let id = |it: &Value| it["order_id"].as_str().unwrap().to_owned();
    listed.as_array().unwrap().iter().map(id).collect()
}

/// How many orders were undone, by reason, where the main job is run like this.
fn reasons(flags: &[&str]) -> BTreeMap<String, u64> {
    let outcome = INVENTORY.run_on(&Embedded::new(), ["--json"].iter().chain(flags)).json();
    let groups = outcome["compensated"].as_object().unwrap().iter();
    groups.map(|(why, group)| (why.clone(), group["orders"].as_u64().unwrap())).collect()
}

#[test]
fn what_goes_wrong_is_why_orders_are_undone() {
    let right = ["--orders", "12", "--stock", "1000", "--decline-rate", "0", "--silent-rate"];
    let counted = |why: &str, orders: u64| BTreeMap::from([(why.to_owned(), orders)]);
    assert_eq!(reasons(&[&right[..], &["0"]].concat()), BTreeMap::new());
    let silent = [&right[..], &["1"]].concat();
    assert_eq!(reasons(&silent), counted("the saga was not done in time", 12));
    let declined = ["--orders", "12", "--decline-rate", "1", "--silent-rate", "0"];
    assert_eq!(
        reasons(&[&declined[..], &["--stock", "1000"]].concat()),
        counted("payment declined", 12)
    );
    // There are one or two of the item, and 12 who want it.
    let short = ["--orders", "12", "--items", "1", "--stock", "1", "--decline-rate", "0"];
    let short = reasons(&[&short[..], &["--silent-rate", "0"]].concat());
    assert_eq!(short.keys().collect::<Vec<_>>(), ["not enough stock"]);
    assert!((10..=12).contains(&short["not enough stock"]), "{short:?}");
}

#[test]
fn a_payment_that_is_never_answered_is_waited_for_for_five_minutes() {
    let flags = ["--json", "--orders", "3", "--stock", "1000", "--silent-rate", "1"];
    let outcome = INVENTORY.run_on(&Embedded::new(), flags).json();
    let late = &outcome["compensated"]["the saga was not done in time"];
    assert_eq!(late["orders"], 3);
    assert!(late["p50_ms"].as_f64() >= Some(300_000.0), "{late}");
    assert!(outcome["seconds"].as_f64() < Some(300.0), "they are skipped: {outcome}");
}

fn stream_of(commit: &Value) -> &str {
    commit["stream"].as_str().unwrap()
}

#[test]
fn a_trace_has_one_id_and_everything_that_came_of_an_order() {
    let data = Embedded::new();
    run(&data, &["--crashes", "6"]);
    for (status, last) in [("completed", "Notification:Sent"), ("compensated", "Order:Cancelled")] {
        for order in orders_that_are(&data, status) {
            let trace = INVENTORY.run_on(&data, ["trace", &order, "--json"]).json();
            assert_eq!(trace["trace_ids"].as_array().unwrap().len(), 1, "{trace:#}");
            let commits = trace["commits"].as_array().unwrap();
            assert_eq!(commits[0]["events"], json!(["Order:Created"]));
            assert_eq!(commits[0]["causation_id"], Value::Null);
            for (at, commit) in commits.iter().enumerate().skip(1) {
                let cause = |it: &&Value| it["commit_id"] == commit["causation_id"];
                let cause = commits[..at].iter().find(cause);
                let cause = cause.unwrap_or_else(|| panic!("no cause of {commit} before it"));
                let depth = |commit: &Value| commit["depth"].as_u64().unwrap();
                assert_eq!(depth(commit), depth(cause) + 1);
            }
            let events = commits.iter().flat_map(|it| it["events"].as_array().unwrap());
            let events: Vec<_> = events.map(|name| name.as_str().unwrap()).collect();
            for name in ["Workflow:Triggered", "Order:Accepted", "Process:Completed", last] {
                assert!(events.contains(&name), "{name} in {events:?}");
            }
            // The whole of each stream that is the order's alone.
            for category in ["shop_order", "workflow", "payment", "fulfilment", "notification"] {
                let stream = format!("{category}:{order}");
                let of_stream = commits.iter().filter(|it| stream_of(it) == stream);
                let mut versions: Vec<_> = of_stream
                    .map(|it| {
                        (it["version"].as_u64().unwrap(), it["events"].as_array().unwrap().len())
                    })
                    .collect();
                versions.sort_unstable();
                let mut next = 1;
                for (version, events) in versions {
                    assert_eq!(version, next, "{stream}");
                    next += events as u64;
                }
            }
        }
    }
    let order = &orders_that_are(&data, "completed")[0];
    let shown = INVENTORY.run_on(&data, ["trace", order]).stdout;
    assert!(shown.contains("      +0 ms  Order:Created [shop_order:"), "{shown}");
    assert!(shown.contains("    Process:EventReceived, Saga:Begun"), "{shown}");
}

#[test]
fn the_story_of_a_workflow_can_be_read() {
    let data = Embedded::new();
    let outcome = run(&data, &[]);
    let counted = |status: &str| orders_that_are(&data, status).len() as u64;
    assert_eq!(counted("completed"), outcome["completed"]["orders"].as_u64().unwrap());
    assert_eq!(counted("compensated"), compensated(&outcome));
    assert_eq!(counted("running") + counted("parked") + counted("partly-compensated"), 0);

    let story = |order: &str| INVENTORY.run_on(&data, ["workflow", order]).stdout;
    let completed = story(&orders_that_are(&data, "completed")[0]);
    for line in ["stock is done", "payment is done", "shipping is done", "all is done"] {
        assert!(completed.contains(line), "{completed}");
    }
    let compensated = story(&orders_that_are(&data, "compensated")[0]);
    for line in ["turns back", "undoing order begins", "order is undone"] {
        assert!(compensated.contains(line), "{compensated}");
    }
}

#[test]
fn what_is_not_there_is_not_shown() {
    let data = Embedded::new();
    INVENTORY.run_on(&data, ["--json", "--orders", "1"]).json();
    for command in ["workflow", "trace"] {
        let error = INVENTORY.run_on(&data, [command, "order-9-00000"]);
        assert_eq!(error.error(), "error: there is no order order-9-00000");
    }
    let error = INVENTORY.run_on(&data, ["workflow", ""]);
    assert!(!error.success);
    let error = INVENTORY.run_on(&data, ["workflows", "--status", "lost"]);
    assert!(error.stderr.contains("is not a status; there are running, parked"), "{error:?}");
}

/// No payment is answered, and where it was taken all the same it does not go back, until somebody cares.
const REFUSED: [&str; 10] = [
    "--refuse-refund-rate",
    "1",
    "--leave-parked",
    "--crashes",
    "0",
    "--stock",
    "1000",
    "--silent-rate",
    "1",
    "--json",
];

#[test]
fn a_refund_that_is_refused_waits_for_an_operator_and_is_resumed_by_him() {
    let data = Embedded::new();
    let flags = ["--orders", "12"].iter().chain(&REFUSED);
    let outcome = INVENTORY.run_on(&data, flags.clone()).json();
    let parked = orders_that_are(&data, "parked");
    assert!(!parked.is_empty(), "{outcome:#}");
    assert_eq!(outcome["parked"].as_u64().unwrap(), parked.len() as u64);
    assert_eq!((&outcome["running"], &outcome["resumed"]), (&json!(0), &json!(0)));
    assert!(outcome["invariants"].as_array().unwrap().iter().all(|it| it["holds"] == true));

    let unwell = INVENTORY.run_on(&data, ["health"]).error().to_owned();
    assert_eq!(unwell, format!("error: {} workflows wait for an operator", parked.len()));
    let listed = INVENTORY.run_on(&data, ["workflows", "--json", "--status", "parked"]).json();
    assert_eq!(listed[0]["parked"], json!(["TakePaymentBack"]));
    for order in &parked {
        let resumed = INVENTORY.run_on(&data, ["resume", order, "--json"]).json();
        let expected = json!(
            { "order_id": order, "resumed": ["TakePaymentBack"], "status": "compensated" }
        );
        assert_eq!(resumed, expected);
    }
    assert!(INVENTORY.run_on(&data, ["health"]).success);
    let again = INVENTORY.run_on(&data, ["resume", &parked[0]]).error().to_owned();
    assert!(again.contains("waits for an operator") && again.contains(&parked[0]), "{again}");
    let nobody = INVENTORY.run_on(&data, ["resume", "order-9-00000"]).error().to_owned();
    assert_eq!(nobody, "error: there is no order order-9-00000");

    let after = INVENTORY.run_on(&data, flags).json();
    assert_eq!((&after["parked"], &after["resumed"]), (&json!(0), &json!(parked.len())));
    assert_eq!(
        (&after["charges"], &after["refunds"]),
        (&json!(parked.len()), &json!(parked.len()))
    );
    assert!(after["invariants"].as_array().unwrap().iter().all(|it| it["holds"] == true));
}

#[test]
fn refunds_that_are_refused_are_resumed_at_the_end_of_a_run() {
    let refused = ["--refuse-refund-rate", "1", "--crashes", "5"];
    let outcome = run(&Embedded::new(), &refused);
    assert!(outcome["resumed"].as_u64().unwrap() > 0, "{outcome:#}");
    assert_eq!(outcome["parked"], 0);
}

#[test]
fn clean_up_removes_the_data_and_nothing_else() {
    let data = Embedded::new();
    let directory = data.directory().join("shop");
    let on = |arguments: &[&str]| {
        INVENTORY.run(arguments.iter().copied().map(Into::into).chain(directory.arguments()))
    };
    assert!(on(&["clean-up", "--yes"]).error().contains("there is no inventory in"));
    assert!(on(&["--orders", "1", "--json"]).success);
    assert!(on(&["health"]).success);
    let unsure = on(&["clean-up"]).error().to_owned();
    assert_eq!(unsure, "error: --yes says that all of the inventory is to be removed");
    std::fs::write(directory.join("mine"), "").unwrap();
    assert!(on(&["clean-up", "--yes"]).success);
    let left: Vec<_> = std::fs::read_dir(&directory).unwrap().map(|it| it.unwrap()).collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_program_without_aws_says_so() {
    for command in [&[][..], &["stock"], &["template"]] {
        let backend = ["--backend", "aws"];
        let error = INVENTORY.run(command.iter().chain(&backend)).error().to_owned();
        assert!(error.contains("build it with `--features aws`"), "{error}");
    }
}

#[cfg(feature = "aws")]
mod on_aws {
    use std::time::{Duration, Instant};

    use super::support::AwsWithQueues;
    use super::*;

    const FEW: [&str; 11] = [
        "--json",
        "--orders",
        "26",
        "--items",
        "3",
        "--stock",
        "20",
        "--silent-rate",
        "0.08",
        "--refuse-refund-rate",
        "0.5",
    ];

    fn run(data: &AwsWithQueues, flags: &[&str]) -> Value {
        let outcome = INVENTORY.run_on(data, FEW.iter().chain(flags)).json();
        let invariants = outcome["invariants"].as_array().unwrap();
        assert_eq!(invariants.len(), 7);
        assert!(invariants.iter().all(|it| it["holds"] == true), "{outcome:#}");
        let completed = outcome["completed"]["orders"].as_u64().unwrap();
        assert_eq!(completed + compensated(&outcome), 26, "{outcome:#}");
        outcome
    }

    #[tokio::test]
    async fn every_order_comes_to_its_end_though_processors_and_program_are_killed() {
        let data = AwsWithQueues::new();
        let flags = ["--crashes", "3"];
        let mut running = INVENTORY.start_on(&data, FEW.iter().chain(&flags));
        eventually("some orders are taken, and others not", async || {
            (running.has_ended() || listed(&data) >= 5).then_some(())
        })
        .await;
        let killed = running.kill();
        assert!(!killed.success, "it was over before it was killed: {killed:?}");

        let outcome = run(&data, &flags);
        assert_eq!((&outcome["crashes"], &outcome["running"]), (&json!(3), &json!(0)));
        let stock = INVENTORY.run_on(&data, ["stock", "--json"]).json();
        for level in stock.as_array().unwrap() {
            let of = |field: &str| level[field].as_u64().unwrap();
            assert_eq!(of("received"), of("on_hand") + of("reserved") + of("shipped"), "{level}");
        }
        for (status, last) in
            [("completed", "Notification:Sent"), ("compensated", "Order:Cancelled")]
        {
            let order = &orders_that_are(&data, status)[0];
            let trace = INVENTORY.run_on(&data, ["trace", order, "--json"]).json();
            assert_eq!(trace["trace_ids"].as_array().unwrap().len(), 1, "{trace:#}");
            assert_ne!(trace["trace_ids"][0], "none");
            let commits = trace["commits"].as_array().unwrap();
            assert_eq!(commits[0]["events"], json!(["Order:Created"]));
            let beginnings = commits.iter().filter(|it| it["depth"] == 0).count();
            assert_eq!(beginnings, 1, "all else has a cause: {trace:#}");
            let all = commits.iter().flat_map(|it| it["events"].as_array().unwrap());
            let all: Vec<_> = all.map(|name| name.as_str().unwrap()).collect();
            for name in ["Workflow:Triggered", "Process:Completed", last] {
                assert!(all.contains(&name), "{name} in {all:?}");
            }
        }
        assert!(INVENTORY.run_on(&data, ["health"]).success);
    }

    #[test]
    fn what_is_parked_is_resumed_by_an_operator() {
        let data = AwsWithQueues::new();
        let flags = ["--orders", "1"].iter().chain(&REFUSED);
        let outcome = INVENTORY.run_on(&data, flags).json();
        let parked = orders_that_are(&data, "parked");
        assert_eq!((parked.len(), &outcome["parked"]), (1, &json!(1)), "{outcome:#}");
        let unwell = INVENTORY.run_on(&data, ["health"]).error().to_owned();
        assert_eq!(unwell, "error: 1 workflow waits for an operator");
        let resumed = INVENTORY.run_on(&data, ["resume", &parked[0], "--json"]).json();
        assert_eq!(resumed["status"], "compensated", "{resumed}");
        assert!(orders_that_are(&data, "parked").is_empty());
    }

    #[tokio::test]
    async fn the_template_makes_all_that_the_main_job_needs() {
        let data = AwsWithQueues::new();
        let template = INVENTORY.run(["template", "--without-functions"]).json();
        data.deploy(&template).await;
        // The rules are those of the file, or this would be refused: nothing is made without an endpoint.
        let few = ["--orders", "4", "--crashes", "0", "--silent-rate", "0", "--json"];
        let outcome = INVENTORY.run_on(&data, few).json();
        assert_eq!((&outcome["orders"], &outcome["running"]), (&json!(4), &json!(0)));
    }

    #[test]
    fn what_is_not_there_is_said_and_nothing_is_made() {
        let data = AwsWithQueues::new();
        for command in [&["stock"][..], &["trace", "o-1"], &["resume", "o-1"], &["health"]] {
            let error = INVENTORY.run_on(&data, command).error().to_owned();
            assert!(error.contains("there is no inventory in tables, bus and queues"), "{error}");
        }
        let error = INVENTORY.run_on(&data, ["clean-up", "--yes"]).error().to_owned();
        assert!(error.contains("on AWS the stack is deleted"), "{error}");
        let error = INVENTORY.run_on(&data, ["stock", "--create"]).error().to_owned();
        assert!(error.contains("--create goes with the main job"), "{error}");
        let error = INVENTORY.run_on(&data, ["stock", "--data-dir", "x"]).error().to_owned();
        assert!(error.contains("--data-dir goes with --backend sqlite"), "{error}");
        let error = INVENTORY.run(["stock", "--table-prefix", "x"]).error().to_owned();
        assert!(error.contains("--table-prefix goes with --backend aws"), "{error}");
    }

    #[test]
    fn a_wrong_endpoint_is_a_clear_error_and_soon() {
        // Nobody listens there: the port was free a moment ago.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://{free}");
        let began = Instant::now();
        for command in [&["--orders", "1"][..], &["stock"]] {
            let aws = ["--backend", "aws", "--region", "us-east-1", "--endpoint-url", &url];
            let error = INVENTORY.run(command.iter().chain(&aws)).error().to_owned();
            assert!(error.contains(&url) || error.contains(&free.to_string()), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}
