use es_examples::http::Collection;

/// Sends every request of `collection` to `host`, in order; returns how many there were.
pub async fn replay(collection: &str, host: &str) -> usize {
    let collection = Collection::parse(collection).unwrap().with("host", host);
    collection.replay().await.unwrap_or_else(|error| panic!("{error}")).len()
}
