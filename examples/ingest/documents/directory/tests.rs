use super::*;

fn named(name: &str) -> File {
    File::InDirectory { name: name.to_owned() }
}

#[tokio::test]
async fn files_are_those_that_are_complete_and_here() {
    let scene = tempfile::tempdir().unwrap();
    let at = |name: &str| scene.path().join(name);
    for name in ["b.json", "a.json", ".a.json.part"] {
        std::fs::write(at(name), "{}").unwrap();
    }
    std::fs::create_dir(at("folder")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/hostname", at("link.json")).unwrap();
    let found = Directory::new(scene.path()).files().await.unwrap();
    let names: Vec<&str> = found.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["a.json", "b.json"]);
}

#[tokio::test]
async fn no_name_leads_out_of_the_directory() {
    let scene = tempfile::tempdir().unwrap();
    let inbox = scene.path().join("inbox");
    std::fs::create_dir(&inbox).unwrap();
    std::fs::write(scene.path().join("secret"), "secret").unwrap();
    std::fs::write(inbox.join("a.json"), "{}").unwrap();
    let directory = Directory::new(&inbox);
    assert_eq!(directory.read(&named("a.json")).await.unwrap(), b"{}");
    for name in ["../secret", "..", ".", "/etc/hostname", "", ".a", "inbox/../../secret"] {
        let refused = directory.read(&named(name)).await;
        assert!(matches!(refused, Err(DocumentError::Elsewhere(_))), "{name:?}: {refused:?}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../secret", inbox.join("link.json")).unwrap();
        let link = directory.read(&named("link.json")).await;
        assert!(matches!(link, Err(DocumentError::Missing(_))), "{link:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_helps_nobody_to_try_again() {
    let scene = tempfile::tempdir().unwrap();
    let missing = Directory::new(scene.path()).read(&named("a.json")).await.unwrap_err();
    assert!(matches!(missing, DocumentError::Missing(_)) && !missing.is_transient());
}

#[tokio::test]
async fn of_a_large_file_enough_is_read_to_see_that_it_is_too_large() {
    let scene = tempfile::tempdir().unwrap();
    std::fs::write(scene.path().join("large"), vec![b'x'; 3 * ENOUGH]).unwrap();
    let content = Directory::new(scene.path()).read(&named("large")).await.unwrap();
    assert_eq!(content.len(), ENOUGH);
}

#[tokio::test]
async fn what_is_put_there_is_there_as_a_whole() {
    let scene = tempfile::tempdir().unwrap();
    let directory = Directory::new(scene.path());
    directory.put("a.json", b"{}".to_vec()).await.unwrap();
    directory.put("a.json", b"{ }".to_vec()).await.unwrap();
    assert_eq!(directory.read(&named("a.json")).await.unwrap(), b"{ }");
    let left: Vec<_> = std::fs::read_dir(scene.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(matches!(directory.put("../a", vec![]).await, Err(DocumentError::Elsewhere(_))));
}
