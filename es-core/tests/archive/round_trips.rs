use es_core::archive::{self, LogDigest};
use es_core::memory::MemoryStore;
use proptest::prelude::*;

use crate::logs::{any_log, block_on, export, filled, import, in_order, store_of, streams};

proptest! {
    #[test]
    fn any_log_comes_back_as_it_was(log in any_log()) {
        block_on(async {
            let old = store_of(log).await;
            let (file, exported) = export(&old).await;
            let new = MemoryStore::new();
            let imported = import(&file, &new).await.unwrap();
            prop_assert_eq!(streams(&new).await, streams(&old).await);
            prop_assert_eq!(imported.digest, exported.digest);
            prop_assert_eq!(export(&new).await.1.digest, exported.digest);
            let verified = archive::verify(&file[..]).await.unwrap();
            for report in [exported, imported, verified] {
                prop_assert_eq!(report.commits, in_order(&old).await.len() as u64);
                prop_assert_eq!(report.bytes, file.len() as u64);
                prop_assert_eq!(report.skipped, 0);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn an_empty_log_is_an_archive_too() {
    let (file, report) = export(&MemoryStore::new()).await;
    assert_eq!((report.commits, report.digest), (0, LogDigest::default()));
    let new = MemoryStore::new();
    assert_eq!(import(&file, &new).await.unwrap().commits, 0);
    assert!(in_order(&new).await.is_empty());
}

#[tokio::test]
async fn the_digest_is_that_of_the_commits_in_any_order() {
    let store = filled(20).await;
    let mut commits = in_order(&store).await;
    let sum = |commits: &[es_core::Commit]| {
        let mut digest = LogDigest::default();
        commits.iter().for_each(|commit| digest.add(commit));
        digest
    };
    commits.reverse();
    assert_eq!(export(&store).await.1.digest, sum(&commits));
    commits.pop();
    assert_ne!(export(&store).await.1.digest, sum(&commits));
}
