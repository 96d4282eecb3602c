use object_store::memory::InMemory;

use super::*;

async fn bucket_with(key: &str, content: Vec<u8>) -> Bucket {
    let objects = InMemory::new();
    objects.put(&Path::parse(key).unwrap(), content.into()).await.unwrap();
    Bucket::new("inbox", Arc::new(objects))
}

fn object(bucket: &str, key: &str) -> File {
    File::InBucket { bucket: bucket.to_owned(), key: key.to_owned() }
}

#[tokio::test]
async fn objects_are_read_from_this_bucket_only() {
    let bucket = bucket_with("in/a b.json", b"{}".to_vec()).await;
    assert_eq!(bucket.read(&object("inbox", "in/a b.json")).await.unwrap(), b"{}");
    let missing = bucket.read(&object("inbox", "in/b.json")).await.unwrap_err();
    assert!(matches!(missing, DocumentError::Missing(_)) && !missing.is_transient());
    let file = File::InDirectory { name: "in/a b.json".to_owned() };
    for elsewhere in [object("other", "in/a b.json"), file] {
        let refused = bucket.read(&elsewhere).await;
        assert!(matches!(refused, Err(DocumentError::Elsewhere(_))), "{refused:?}");
    }
}

#[tokio::test]
async fn of_a_large_object_enough_is_read_to_see_that_it_is_too_large() {
    let bucket = bucket_with("large", vec![b'x'; 3 * ENOUGH]).await;
    assert_eq!(bucket.read(&object("inbox", "large")).await.unwrap().len(), ENOUGH);
}
