//! The users from outside: the conversation, the API under load, kills and hostile input, and the command line.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
#[cfg(feature = "aws")]
use support::{AwsWithQueues, DynamoDbAlone};
use support::{Embedded, Place, Server, USERS, eventually, replay};

/// Makes a test of each function for each backend.
macro_rules! on_each_backend {
    ($($test:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::$test(&super::Embedded::new()).await; }
            )+
        }

        #[cfg(feature = "aws")]
        mod aws {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() { super::$test(&super::DynamoDbAlone::new()).await; }
            )+
        }
    };
}

on_each_backend! {
    the_main_job_shows_every_request_with_its_answer,
    the_request_collection_replays_against_the_running_server,
    killed_in_the_middle_what_was_answered_stays_and_what_is_repeated_happens_once,
    debits_at_the_same_time_never_bring_a_balance_below_zero,
    a_query_waits_until_the_read_model_has_come_as_far_as_a_command,
    the_list_is_read_page_by_page_and_by_status,
    nothing_that_a_client_sends_does_harm,
}

/// No part of her name or address can stand in an id, which is hexadecimal.
const NAME: &str = "Grace Example";
const EMAIL: &str = "grace@example.org";

/// Somebody who uses a running server.
struct Client {
    http: reqwest::Client,
    url: String,
}

/// A command of a test.
#[derive(Clone)]
struct Command {
    user_id: String,
    event_type: &'static str,
    payload: Value,
}

impl Command {
    fn new(user_id: &str, event_type: &'static str, payload: Value) -> Self {
        Self { user_id: user_id.to_owned(), event_type, payload }
    }

    fn create(user_id: &str) -> Self {
        Self::new(user_id, "USER_CREATED", json!({ "name": NAME, "email": EMAIL }))
    }

    fn credit(user_id: &str, amount: u64) -> Self {
        Self::new(user_id, "BALANCE_CREDITED", json!({ "amount": amount }))
    }

    fn debit(user_id: &str, amount: u64) -> Self {
        Self::new(user_id, "BALANCE_DEBITED", json!({ "amount": amount }))
    }

    fn to_json(&self) -> String {
        let Self { user_id, event_type, payload } = self;
        json!({ "user_id": user_id, "event_type": event_type, "payload": payload }).to_string()
    }
}

impl Client {
    fn of(server: &Server) -> Self {
        Self { http: reqwest::Client::new(), url: server.url.clone() }
    }

    /// `None` when the server went away before it answered.
    async fn asked(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, serde_json::from_str(&response.text().await.ok()?).unwrap()))
    }

    fn posted(&self, body: String) -> reqwest::RequestBuilder {
        let post = self.http.post(format!("{}/command", self.url));
        post.header("content-type", "application/json").body(body)
    }

    async fn post(&self, command: &Command) -> (u16, Value) {
        self.asked(self.posted(command.to_json())).await.unwrap()
    }

    /// Under a key, and again as long as the server asks for that.
    async fn insist(&self, command: &Command, key: &str) -> Option<(u16, Value)> {
        loop {
            let request = self.posted(command.to_json()).header("idempotency-key", key);
            match self.asked(request).await? {
                (503, _) => {}
                answer => break Some(answer),
            }
        }
    }

    /// The sequence number of a command that has to be taken.
    async fn take(&self, command: Command) -> u64 {
        let (status, body) = self.post(&command).await;
        assert_eq!(status, 200, "{body}");
        body["sequence"].as_u64().unwrap()
    }

    async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.url), parameters);
        self.asked(self.http.get(url.unwrap())).await.unwrap()
    }

    /// The detail, once it shows the user at this sequence number.
    async fn detail_at(&self, user_id: &str, sequence: u64) -> Value {
        let sequence = sequence.to_string();
        let parameters = [("user_id", user_id), ("at_least", &sequence)];
        eventually("the detail has come so far", async || {
            let (status, detail) = self.get("/detail", &parameters).await;
            (status == 200).then_some(detail)
        })
        .await
    }

    /// The newest sequence number, and the types of all events.
    async fn history(&self, user_id: &str) -> (u64, Vec<String>) {
        let parameters = [("user_id", user_id), ("limit", "1000")];
        let (status, history) = self.get("/history", &parameters).await;
        assert_eq!(status, 200, "{history}");
        let events = history["Events"].as_array().unwrap();
        let sequences = events.iter().map(|event| event["Sequence"].as_u64().unwrap());
        let last = events.len() as u64;
        assert_eq!(sequences.collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
        let types = events.iter().map(|event| event["Type"].as_str().unwrap().to_owned());
        (last, types.collect())
    }
}

async fn the_main_job_shows_every_request_with_its_answer(data: &impl Place) {
    // A second time it is about another user.
    for _ in 0..2 {
        let report = USERS.run_on(data, ["--json"]).json();
        let exchanges = report["exchanges"].as_array().unwrap();
        assert!(exchanges.len() >= 40, "{}", exchanges.len());
        let first = &exchanges[0];
        assert_eq!(first["request"]["target"], "/command");
        assert_eq!(first["request"]["body"]["event_type"], "USER_CREATED");
        assert_eq!(first["answer"]["status"], 200);
        let user = &first["request"]["body"]["user_id"];
        let answer = json!({
            "message": "it is recorded",
            "aggregate_id": user,
            "event_type": "USER_CREATED",
            "sequence": 1,
        });
        assert_eq!(first["answer"]["body"], answer);
        let with_detail = exchanges.iter().rfind(|it| it["answer"]["body"]["Balance"].is_u64());
        let detail = json!({
            "UserID": user,
            "Name": "Ada Other",
            "Email": "ada@example.net",
            "Balance": 1250,
        });
        assert_eq!(with_detail.unwrap()["answer"]["body"], detail);
    }
    assert_eq!(USERS.run_on(data, ["list", "--json"]).json().as_array().unwrap().len(), 2);
}

async fn the_request_collection_replays_against_the_running_server(data: &impl Place) {
    let server = USERS.serve_on(data, &[]);
    let requests = replay(include_str!("../users/requests/users.http"), &server.url).await;
    assert!(requests >= 40);
    #[cfg(unix)]
    assert!(server.terminate(), "SIGTERM ends it orderly");
}

async fn killed_in_the_middle_what_was_answered_stays_and_what_is_repeated_happens_once(
    data: &impl Place,
) {
    const USERS_THERE: usize = 6;
    const DEBITS: usize = 4;
    const AMOUNT: u64 = 10;
    const CREDIT: u64 = AMOUNT * DEBITS as u64;
    /// All that is asked for one user, under keys that stay the same. `None` when the server went away.
    async fn ask_for(client: &Client, n: usize) -> Option<u64> {
        let user = format!("user-{n}");
        let ok = |answer: (u16, Value)| {
            assert_eq!(answer.0, 200, "{}", answer.1);
            answer.1["sequence"].as_u64().unwrap()
        };
        ok(client.insist(&Command::create(&user), "create").await?);
        ok(client.insist(&Command::credit(&user, CREDIT), "credit").await?);
        let mut sequence = 0;
        for debit in 0..DEBITS {
            let key = format!("debit-{debit}");
            sequence = ok(client.insist(&Command::debit(&user, AMOUNT), &key).await?);
        }
        Some(sequence)
    }
    // The server is killed while clients are at work; they ask again, with the same keys.
    for answers in [1, 7, 19] {
        let server = USERS.serve_on(data, &[]);
        let client = Client::of(&server);
        let (answered, mut answers_seen) = tokio::sync::mpsc::unbounded_channel();
        let working = stream::iter(0..USERS_THERE).for_each_concurrent(None, async |n| {
            let user = format!("user-{n}");
            // One more user per client and round, so that there is always something to do.
            for step in 0.. {
                let extra = format!("{user}-{answers}-{step}");
                let Some((status, body)) = client.insist(&Command::create(&extra), "create").await
                else {
                    break;
                };
                assert_eq!(status, 200, "{body}");
                let _ = answered.send(extra);
                if ask_for(&client, n).await.is_none() {
                    break;
                }
            }
        });
        let mut acknowledged = Vec::new();
        let killing = async {
            while acknowledged.len() < answers {
                acknowledged.push(answers_seen.recv().await.unwrap());
            }
            server.kill();
        };
        tokio::join!(working, killing);

        let again = USERS.serve_on(data, &[]);
        let client = Client::of(&again);
        for user in &acknowledged {
            let detail = client.detail_at(user, 1).await;
            assert_eq!(detail["Name"], NAME, "what was answered is there, and the view catches up");
        }
        again.kill();
    }

    let server = USERS.serve_on(data, &[]);
    let client = Client::of(&server);
    for n in 0..USERS_THERE {
        let sequence = ask_for(&client, n).await.unwrap();
        let user = format!("user-{n}");
        let expected = 2 + DEBITS as u64;
        assert_eq!(sequence, expected, "each request has had its effect once");
        assert_eq!(client.history(&user).await.0, expected);
        assert_eq!(client.detail_at(&user, expected).await["Balance"], 0);
        let seen = [("of", &*user), ("at_least", "6"), ("limit", "1000")];
        let (_, list) = client.get("/list", &seen).await;
        let listed = list["Users"].as_array().unwrap().iter();
        let listed: Vec<_> = listed.filter(|summary| summary["UserID"] == *user).collect();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0]["Sequence"], expected);
    }
}

async fn debits_at_the_same_time_never_bring_a_balance_below_zero(data: &impl Place) {
    const ASKED: usize = 24;
    const COVERED: usize = 10;
    let servers = [USERS.serve_on(data, &[]), USERS.serve_on(data, &[])];
    let clients = servers.each_ref().map(Client::of);
    clients[0].take(Command::create("u")).await;
    // A little is left in the end, but not enough for one more.
    let sequence = clients[0].take(Command::credit("u", 100 * COVERED as u64 + 99)).await;

    let debit = async |n: usize| {
        let client = &clients[n % clients.len()];
        let (status, body) =
            client.insist(&Command::debit("u", 100), &format!("debit-{n}")).await.unwrap();
        (status, body["type"].clone())
    };
    let answers: Vec<_> = stream::iter(0..ASKED).map(debit).buffer_unordered(ASKED).collect().await;
    let taken = answers.iter().filter(|(status, _)| *status == 200).count();
    let refused = (409, json!("/problems/not-allowed-now"));
    let refused = answers.iter().filter(|answer| **answer == refused).count();
    assert_eq!((taken, refused), (COVERED, ASKED - COVERED), "{answers:?}");

    let last = sequence + COVERED as u64;
    assert_eq!(clients[1].history("u").await.0, last);
    // Either server shows it: each brings the read models up to date, or waits for the other.
    for client in &clients {
        assert_eq!(client.detail_at("u", last).await["Balance"], 99);
    }
}

async fn a_query_waits_until_the_read_model_has_come_as_far_as_a_command(data: &impl Place) {
    let server = USERS.serve_on(data, &[]);
    let client = Client::of(&server);
    for n in 0..20_u64 {
        let user = format!("u-{n}");
        client.take(Command::create(&user)).await;
        let sequence = client.take(Command::credit(&user, n + 1)).await.to_string();
        // Neither waits for what the other one has waited for.
        let detailed = async || {
            let parameters = [("user_id", &*user), ("at_least", &sequence)];
            let (status, detail) = client.get("/detail", &parameters).await;
            assert_eq!((status, &detail["Balance"]), (200, &json!(n + 1)), "{detail}");
        };
        let listed = async || {
            let parameters = [("of", &*user), ("at_least", &sequence), ("limit", "1000")];
            let (status, list) = client.get("/list", &parameters).await;
            let is_listed = |it: &Value| it["UserID"] == *user && it["Sequence"] == 2;
            let users = list["Users"].as_array().unwrap();
            assert!(status == 200 && users.iter().any(is_listed), "{list}");
        };
        tokio::join!(listed(), detailed());
    }

    // What does not come is not waited for longer than the client says.
    for query in ["/detail?user_id=u-0&at_least=3", "/list?of=u-0&at_least=3"] {
        let later = client.http.get(format!("{}{query}", client.url)).header("prefer", "wait=0");
        let (status, problem) = client.asked(later).await.unwrap();
        assert_eq!((status, &problem["type"]), (503, &json!("/problems/not-yet")), "{problem}");
    }
    // What comes meanwhile is.
    let later = client.http.get(format!("{}/detail?user_id=u-0&at_least=3", client.url));
    let (answer, _) = tokio::join!(
        client.asked(later.header("prefer", "wait=20")),
        client.take(Command::credit("u-0", 41)),
    );
    let (status, detail) = answer.unwrap();
    assert_eq!((status, &detail["Balance"]), (200, &json!(42)), "{detail}");
}

async fn the_list_is_read_page_by_page_and_by_status(data: &impl Place) {
    let server = USERS.serve_on(data, &[]);
    let client = Client::of(&server);
    for n in 0..7 {
        let user = format!("u-{n}");
        client.take(Command::create(&user)).await;
        if n % 3 == 0 {
            client.take(Command::new(&user, "USER_DEACTIVATED", json!({}))).await;
        }
        let sequence = if n % 3 == 0 { "2" } else { "1" };
        let seen = [("of", &*user), ("at_least", sequence)];
        assert_eq!(client.get("/list", &seen).await.0, 200);
    }
    let ids = |page: &Value| -> Vec<String> {
        let users = page["Users"].as_array().unwrap().iter();
        users.map(|user| user["UserID"].as_str().unwrap().to_owned()).collect()
    };
    let mut pages = Vec::new();
    let mut after = String::new();
    loop {
        let limit = ("limit", "3");
        let parameters = [limit, ("after", &after)];
        let parameters = if after.is_empty() { &parameters[..1] } else { &parameters[..] };
        let (_, page) = client.get("/list", parameters).await;
        pages.push(ids(&page));
        match page["Next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [vec!["u-0", "u-1", "u-2"], vec!["u-3", "u-4", "u-5"], vec!["u-6"]]);
    let (_, page) = client.get("/list", &[("status", "deactivated")]).await;
    assert_eq!(ids(&page), ["u-0", "u-3", "u-6"]);
    let user = &client.get("/list", &[("limit", "1")]).await.1["Users"][0];
    let expected = json!({ "UserID": "u-0", "Name": NAME, "Status": "deactivated", "Sequence": 2 });
    assert_eq!(*user, expected);
}

async fn nothing_that_a_client_sends_does_harm(data: &impl Place) {
    let mut server = USERS.start_on(data, ["serve", "--port", "0"]);
    let listening = server.printed("listening on ");
    let url = listening.strip_prefix("listening on ").unwrap().to_owned();
    let client = Client { http: reqwest::Client::new(), url };
    let mut problems = Vec::new();
    let mut refused = |what: &str, status: u16, answer: Option<(u16, Value)>| {
        let (answered, problem) = answer.expect("it is answered, not cut off");
        assert_eq!(answered, status, "{what}: {problem}");
        assert_eq!(problem["status"], status, "{problem}");
        problems.push(problem.to_string());
    };

    // Ids can have anything in them that separates things elsewhere.
    let ids = ["a:b", "a", "a#1", "a/b", "a%2Fb", "a&b=c", "ü ü", "../..", "{{user}}", "a\"b"];
    for (n, id) in ids.into_iter().enumerate() {
        client.take(Command::create(id)).await;
        let sequence = client.take(Command::credit(id, n as u64 + 1)).await;
        let detail = client.detail_at(id, sequence).await;
        assert_eq!((&detail["UserID"], &detail["Balance"]), (&json!(id), &json!(n + 1)));
        assert_eq!(client.history(id).await.0, 2);
    }
    for id in ["", " a", "a\n", "a\0b", "\u{7f}", "\u{fffe}", &"a".repeat(201), &"ü".repeat(101)] {
        refused(id, 400, Some(client.post(&Command::create(id)).await));
        for path in ["/detail", "/history"] {
            refused(id, 400, Some(client.get(path, &[("user_id", id)]).await));
        }
    }
    client.take(Command::create(&"a".repeat(200))).await;

    // Bodies that are too large, none, of another type, not UTF-8, nested, and with other things in them.
    let named =
        |name: &str| Command::new("a", "USER_NAME_CHANGED", json!({ "name": name })).to_json();
    for (size, status) in [(200, 200), (201, 422), (16 * 1024, 413)] {
        let answer = client.asked(client.posted(named(&"é".repeat(size)))).await;
        match status {
            200 => assert_eq!(answer.unwrap().0, 200),
            status => refused("a long name", status, answer),
        }
    }
    // Who sends on and on may be hung up on before the answer is read.
    let huge = client.asked(client.posted(named(&"é".repeat(4 * 1024 * 1024)))).await;
    assert!(huge.is_none_or(|(status, _)| status == 413));
    refused("nothing", 400, client.asked(client.posted(String::new())).await);
    let nested = format!("{}{}", "[".repeat(4000), "]".repeat(4000));
    refused("nested", 400, client.asked(client.posted(nested)).await);
    let bytes = client.posted(String::new()).body(&b"{\"user_id\": \"\xff\"}"[..]);
    refused("not UTF-8", 400, client.asked(bytes).await);
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
        let post = client.http.post(format!("{}/command", client.url));
        let post = post.header("content-type", other).body(named(NAME));
        refused(other, 415, client.asked(post).await);
    }
    let post = client.http.post(format!("{}/command", client.url)).body(named(NAME));
    refused("no type", 415, client.asked(post).await);
    for body in [json!(NAME), json!({ "user_id": NAME, NAME: EMAIL }), json!([EMAIL]), json!(null)]
    {
        refused("no command", 422, client.asked(client.posted(body.to_string())).await);
    }
    let wrong = [
        ("USER_CREATED", json!({ "name": NAME })),
        ("USER_CREATED", json!({ "name": NAME, "email": NAME })),
        ("USER_CREATED", json!({ "name": [NAME], "email": EMAIL })),
        ("USER_NAME_CHANGED", json!({ "name": format!("{NAME}\u{1b}[2J") })),
        ("USER_EMAIL_CHANGED", json!({ "email": format!("{EMAIL}@{EMAIL}") })),
        ("USER_EMAIL_CHANGED", json!({ "name": NAME, "email": EMAIL })),
        ("user_created", json!({ "name": NAME, "email": EMAIL })),
        ("", json!(NAME)),
    ];
    for (event_type, payload) in wrong {
        refused(event_type, 422, Some(client.post(&Command::new("a", event_type, payload)).await));
    }

    // Amounts that are none, and a balance that would be more than can be said.
    for amount in
        ["-1", "0", "-0", "1.5", "1e2", "9007199254740992", "99999999999999999999", "\"1\""]
    {
        for event_type in ["BALANCE_CREDITED", "BALANCE_DEBITED"] {
            let body = format!(
                r#"{{"user_id": "a", "event_type": "{event_type}", "payload": {{"amount": {amount}}}}}"#
            );
            refused(amount, 422, client.asked(client.posted(body)).await);
        }
    }
    const MOST: u64 = 9_007_199_254_740_991;
    client.take(Command::create("rich")).await;
    let sequence = client.take(Command::credit("rich", MOST)).await;
    refused("too much", 409, Some(client.post(&Command::credit("rich", 1)).await));
    assert_eq!(client.detail_at("rich", sequence).await["Balance"], MOST);

    // Headers and parameters.
    let keyed = |header: &str, value: &str| {
        client.posted(Command::credit("a", 1).to_json()).header(header, value)
    };
    refused("a tag", 400, client.asked(keyed("if-match", "W/\"1\"")).await);
    refused("a tag", 412, client.asked(keyed("if-match", "\"18446744073709551615\"")).await);
    refused("a key", 400, client.asked(keyed("idempotency-key", &"k".repeat(4096))).await);
    refused("a key", 400, client.asked(keyed("x-correlation-id", &"c".repeat(201))).await);
    for query in [
        "/detail",
        "/detail?user_id=a&user_id=b",
        "/detail?user_id=a&at_least=-1",
        "/detail?user_id=a&at_least=18446744073709551616",
        "/detail?user_id=a&colour=red",
        "/list?limit=1001",
        "/list?of=a",
        "/list?after=%00",
        "/history?user_id=a&limit=0",
    ] {
        let get = client.http.get(format!("{}{query}", client.url));
        refused(query, 400, client.asked(get).await);
    }
    let far = [("user_id", "a"), ("after", "18446744073709551615")];
    assert_eq!(client.get("/history", &far).await, (200, json!({ "Events": [] })));

    // After all that the system works, and has said nothing of anybody.
    let sequence = client.take(Command::credit("a:b", 1)).await;
    assert_eq!(client.detail_at("a:b", sequence).await["Balance"], 2);
    assert_eq!(client.get("/health", &[]).await.0, 200);
    #[cfg(unix)]
    {
        let ended = server.interrupt();
        assert!(ended.success, "{ended:?}");
        problems.push(ended.stderr);
    }
    for said in problems {
        for personal in [NAME, EMAIL, "Grace", "example.org"] {
            assert!(!said.contains(personal), "{said}");
        }
    }
}

#[test]
fn people_get_a_conversation_tables_and_sentences() {
    let run = USERS.run::<&str>([]);
    assert!(run.success, "{}", run.stderr);
    assert!(run.stderr.starts_with("note: the data is in "), "said before all: {}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "what was expected is no warning: {}", run.stderr);
    for expected in
        ["### Create a user\n> POST /command\n", "< 200 OK\n", "each answered as it must be"]
    {
        assert!(run.stdout.contains(expected), "no {expected:?} in {}", run.stdout);
    }
    let data = run.stdout.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let on = |command: &[&str]| USERS.run(command.iter().chain(&["--data-dir", data]));

    let list = on(&["list", "--json"]).json();
    let id = list[0]["user_id"].as_str().unwrap();
    assert!(on(&["list"]).stdout.contains("deactivated"));
    assert_eq!(on(&["list", "--status", "active"]).stdout, "there are none\n");
    let shown = on(&["show", id]).stdout;
    assert!(shown.contains("balance: 12.50") && shown.contains("name: Ada Other"), "{shown}");
    let history = on(&["history", id]).stdout;
    for expected in ["AggregateID", "Sequence", "USER_CREATED", "BALANCE_DEBITED"] {
        assert!(history.contains(expected), "no {expected:?} in {history}");
    }
    assert!(!history.contains("Ada"), "{history}");
    let page = on(&["history", id, "--after", "2", "--limit", "1", "--json"]);
    let entry = &page.json()[0];
    assert_eq!((&entry["AggregateID"], &entry["Sequence"]), (&json!(id), &json!(3)));
    assert_eq!(entry["Type"], "BALANCE_DEBITED");
    assert!(page.stderr.contains("there are more than 1"), "{page:?}");
    assert!(on(&["health"]).stdout.contains("user_summary"));

    assert_eq!(on(&["clean-up"]).error(), "error: --yes says that all users are to be removed");
    assert!(on(&["clean-up", "--yes"]).success);
    assert!(!Path::new(data).exists());
    assert_eq!(on(&["list"]).error(), format!("error: there are no users in {data}"));
}

#[test]
fn what_goes_wrong_is_said_in_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let missing = path("missing");
    let sentence = |arguments: &[&str]| USERS.run(arguments).error().to_owned();

    for command in
        [&["list"][..], &["show", "u"], &["history", "u"], &["health"], &["clean-up", "--yes"]]
    {
        let error = sentence(&[command, &["--data-dir", &missing]].concat());
        assert_eq!(error, format!("error: there are no users in {missing}"), "{command:?}");
        assert!(sentence(command).contains("--data-dir DIR says whose data"), "{command:?}");
    }
    assert!(!Path::new(&missing).exists(), "a look must not make anything");
    for flag in
        [&["--endpoint-url", "http://127.0.0.1:1"][..], &["--table-prefix", "t-"], &["--create"]]
    {
        let error = sentence(&[&["list"], flag].concat());
        assert_eq!(error, format!("error: {} goes with --backend aws", flag[0]));
    }
    let both = ["list", "--backend", "aws", "--data-dir", &missing];
    assert!(sentence(&both).contains("--data-dir goes with --backend sqlite"));
    let makes = ["list", "--backend", "aws", "--create"];
    assert!(sentence(&makes).contains("--create goes with `serve` and the main job"));
    let removes = ["clean-up", "--yes", "--backend", "aws"];
    assert!(sentence(&removes).contains("on AWS the stack is deleted"));

    let file = path("file");
    std::fs::write(&file, "in the way").unwrap();
    assert!(sentence(&["--data-dir", &file]).contains("cannot be made"));
    let damaged = path("damaged");
    std::fs::create_dir(&damaged).unwrap();
    std::fs::write(Path::new(&damaged).join("users.db"), "not a database, for sure").unwrap();
    assert!(sentence(&["list", "--data-dir", &damaged]).contains("users.db"));

    let data = path("data");
    assert!(USERS.run(["--json", "--data-dir", &data]).success);
    for look in ["show", "history"] {
        let error = sentence(&[look, "nobody", "--data-dir", &data]);
        assert_eq!(error, "error: there is no user nobody");
        assert!(sentence(&[look, "a\nb", "--data-dir", &data]).contains("not valid"));
    }
    // Flags are clap's matter: it says what it would have taken.
    for arguments in [&["--colour"][..], &["list", "--status", "lost"], &["serve", "--port", "x"]] {
        let run = USERS.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.stderr.contains("error:"), "{}", run.stderr);
    }
}

/// The deepest that our own code logs.
#[test]
fn no_log_says_what_a_user_is_called_or_where_a_user_is_written_to() {
    let data = Embedded::new();
    let deepest = "warn,es_core=trace,es_sqlite=trace,es_examples=trace";
    let arguments = data.with(&["--json"]);
    let run = USERS.start_with(&[("RUST_LOG", deepest.as_ref())], arguments).finish();
    assert!(run.success && run.stdout.contains("ada@example.org"), "{run:?}");
    assert!(run.stderr.contains("TRACE") || run.stderr.contains("DEBUG"), "{}", run.stderr);
    for personal in ["Ada", "example.org", "example.net"] {
        assert!(!run.stderr.contains(personal), "{}", run.stderr);
    }
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn the_template_makes_all_that_the_program_needs() {
    let data = AwsWithQueues::new();
    let template = USERS.run(["template", "--without-functions"]).json();
    data.deploy(&template).await;
    // Looking makes nothing: what is there was made by the stack.
    assert_eq!(USERS.run_on(&data, ["list", "--json"]).json(), json!([]));
    assert!(USERS.run_on(&data, ["--json"]).success);
}

#[cfg(feature = "aws")]
#[test]
fn looking_at_tables_that_are_not_there_makes_none() {
    let data = DynamoDbAlone::new();
    for _ in 0..2 {
        let refused = USERS.run_on(&data, ["list"]);
        assert!(refused.error().contains("`--create` makes what is missing"), "{refused:?}");
    }
    let nowhere = ["list", "--backend", "aws", "--endpoint-url", "http://127.0.0.1:1"];
    assert!(USERS.run(nowhere).error().contains("http://127.0.0.1:1"));
}

#[cfg(not(feature = "aws"))]
#[test]
fn aws_needs_a_program_that_was_built_with_it() {
    for command in [&["list", "--backend", "aws"][..], &["template"]] {
        let refused = USERS.run(command);
        assert!(refused.error().contains("build it with `--features aws`"), "{refused:?}");
    }
}

/// What there is to say about a user is said where it is asked for, and nowhere else.
#[tokio::test]
async fn the_keys_of_a_detail_are_exactly_these() {
    let data = Embedded::new();
    let server = USERS.serve_on(&data, &[]);
    let client = Client::of(&server);
    let sequence = client.take(Command::create("u")).await;
    let detail = client.detail_at("u", sequence).await;
    let keys: BTreeSet<&str> = detail.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["UserID", "Name", "Email", "Balance"]));
    let history = client.get("/history", &[("user_id", "u")]).await.1;
    let event = history["Events"][0].as_object().unwrap();
    let keys: BTreeSet<&str> = event.keys().map(String::as_str).collect();
    assert_eq!(keys, BTreeSet::from(["AggregateID", "Sequence", "Type", "Time"]));
}
