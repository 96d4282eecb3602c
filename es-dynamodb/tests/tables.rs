//! Making the tables.

mod support;

use support::Server;

#[tokio::test]
async fn tables_are_made_once() {
    let server = Server::start().await;
    let prefix = Server::prefix();
    let store = server.store_with(server.options(&prefix)).await;
    store.ensure_tables().await.expect("a second time changes nothing");
    let listed = server.dynamodb().list_tables().send().await.expect("tables can be listed");
    let ours: Vec<_> =
        listed.table_names().iter().filter(|name| name.starts_with(&prefix)).collect();
    assert_eq!(ours, [&format!("{prefix}events"), &format!("{prefix}state")]);
}
