use std::fs;
use std::path::Path as FilePath;

use super::*;
use crate::names::Version;
use crate::tokens::{Role, Token};

fn open(folder: &FilePath) -> Store {
    Store::open(folder.to_str().unwrap()).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

/// The cache compares tags of lists, of looks and of writes.
#[tokio::test]
async fn lists_and_looks_give_the_same_tags() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (model, ada) = (name("m"), name("ada"));
    let tag = store.put_model(&model, bytes("one"), &ada).await.unwrap();
    let looked = store.model_entry(&model).await.unwrap().unwrap();
    assert_eq!(
        store.models().await.unwrap(),
        core::slice::from_ref(&looked)
    );
    assert_eq!((looked.tag, looked.size), (tag, 3));
}

/// Two servers deploy the same name at once: neither takes the tag of the other's model for its own, or it would serve its own for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tags_are_of_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let deploy = |owner: &'static str| {
        let store = open(folder.path());
        tokio::spawn(async move {
            let model = name("m");
            for count in 0..60 {
                let mine = Bytes::from(format!("{owner} {count}"));
                let put = store.put_model(&model, mine.clone(), &name(owner)).await;
                let (entry, found) = store.model(&model).await.unwrap().unwrap();
                assert!(
                    entry.tag != put.unwrap() || found == mine,
                    "{owner} {count}"
                );
            }
        })
    };
    for task in [deploy("ada"), deploy("bob")] {
        task.await.unwrap();
    }
}

#[tokio::test]
#[cfg(unix)]
async fn what_is_not_ours_is_passed_over() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (model, ada, holder) = (name("m"), name("ada"), Holder::new(&name("ada"), None));
    store.put_model(&model, bytes("one"), &ada).await.unwrap();
    let record = Token::generate().unwrap().record(Role::Client);
    store.put_token(&ada, &record).await.unwrap();
    let spec_id = SpecId([1; 16]);
    store
        .put_key(&holder, &model, spec_id, bytes("key"))
        .await
        .unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    for place in [
        "",
        "models",
        "tokens",
        "keys",
        "keys/ada",
        "keys/ada/m",
        "history",
    ] {
        let place = folder.path().join(place);
        fs::create_dir(place.join("lost+found")).unwrap();
        std::os::unix::fs::symlink("loop", place.join("loop")).unwrap();
        std::os::unix::fs::symlink("..", place.join("up")).unwrap();
        fs::write(place.join(odd), "odd").unwrap();
        fs::write(place.join("empty.tnb"), "").unwrap();
        fs::write(place.join("README"), "read me").unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(place.join("pipe.json"))
            .status();
        assert!(made.unwrap().success());
    }
    fs::create_dir(folder.path().join("tokens/folder.json")).unwrap();
    fs::write(folder.path().join("tokens/eve.json"), "no json").unwrap();
    let names = |entries: Vec<Entry>| -> Vec<String> {
        entries
            .into_iter()
            .map(|entry| entry.name.to_string())
            .collect()
    };
    assert_eq!(names(store.models().await.unwrap()), ["empty", "m"]);
    assert_eq!(names(store.tokens().await.unwrap()), ["ada", "eve"]);
    assert_eq!(store.token(&name("eve")).await.unwrap(), None);
    assert_eq!(store.token(&ada).await.unwrap(), Some(record));
    assert_eq!(store.keys(&holder, &model).await.unwrap().len(), 1);
    assert!(store.size().await.unwrap() > 0);
    assert_eq!(store.history(&model).await.unwrap().len(), 1);
    store.put_model(&model, bytes("two"), &ada).await.unwrap();
    assert!(store.delete_model(&model).await.unwrap());
}

/// Gone, replaced by an empty folder, replaced by another store: nothing is answered, nothing written; and back again.
#[tokio::test]
async fn a_store_that_is_not_the_one_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    let (here, away) = (parent.path().join("store"), parent.path().join("away"));
    let store = open(&here);
    let ada = name("ada");
    store
        .put_model(&name("m"), bytes("one"), &ada)
        .await
        .unwrap();
    let gone = async || {
        for _ in 0..2 {
            assert!(matches!(store.tokens().await, Err(StoreError::Gone(_))));
            assert!(matches!(store.models().await, Err(StoreError::Gone(_))));
            let put = store.put_model(&name("n"), bytes("two"), &ada).await;
            assert!(matches!(put, Err(StoreError::Gone(_))));
            assert!(matches!(
                store.delete_model(&name("m")).await,
                Err(StoreError::Gone(_))
            ));
            assert!(matches!(store.probe().await, Err(StoreError::Gone(_))));
        }
    };
    fs::rename(&here, &away).unwrap();
    gone().await;
    fs::create_dir(&here).unwrap();
    gone().await;
    open(&here).verify().await.unwrap();
    gone().await;
    assert_eq!(fs::read_dir(here.join("models")).unwrap().count(), 0);
    fs::remove_dir_all(&here).unwrap();
    fs::rename(&away, &here).unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.models().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_empty_folder_is_no_store_unless_one_is_to_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().to_str().unwrap();
    assert!(matches!(
        Store::open_existing(location),
        Err(StoreError::Missing)
    ));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    Store::open(location).unwrap().verify().await.unwrap();
    Store::open_existing(location)
        .unwrap()
        .verify()
        .await
        .unwrap();
}

#[tokio::test]
#[cfg(unix)]
async fn what_is_kept_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).verify().await.unwrap();
    for name in ["models", "keys", "tokens", "history"] {
        let mode = fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}

#[tokio::test]
async fn deployments_are_kept_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Store::in_memory(), open(folder.path())] {
        let (model, ada, bob) = (name("m"), name("ada"), name("bob.b"));
        let [one, two] = ["one", "two"].map(|text| Version::of(text.as_bytes()));
        store.put_model(&model, bytes("one"), &ada).await.unwrap();
        tokio::time::sleep(core::time::Duration::from_millis(3)).await;
        store.put_model(&model, bytes("two"), &bob).await.unwrap();
        let history = store.history(&model).await.unwrap();
        let said: Vec<_> = history
            .iter()
            .map(|one| (one.version, one.owner.as_str()))
            .collect();
        assert_eq!(said, [(two, "bob.b"), (one, "ada")]);
        tokio::time::sleep(core::time::Duration::from_millis(3)).await;
        assert!(store.roll_back(&model, one, &bob).await.unwrap());
        assert!(
            !store
                .roll_back(&model, Version::of(b"three"), &bob)
                .await
                .unwrap()
        );
        let (_, now) = store.model(&model).await.unwrap().unwrap();
        assert_eq!(now, "one");
        assert_eq!(
            store.model_head(&model, 2).await.unwrap().unwrap(),
            (b"on".to_vec(), one)
        );
        for _ in 0..history::KEPT {
            tokio::time::sleep(core::time::Duration::from_millis(2)).await;
            store.put_model(&model, bytes("two"), &ada).await.unwrap();
        }
        assert_eq!(store.history(&model).await.unwrap().len(), history::KEPT);
        assert!(store.delete_model(&model).await.unwrap());
        assert!(store.history(&model).await.unwrap().is_empty());
        assert_eq!(store.model_sizes().await.unwrap(), 0);
    }
}

/// Who gets the name of someone who left does not get what was kept of them.
#[tokio::test]
async fn a_leaver_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (ada, adam, model) = (name("ada"), name("ada.m"), name("m"));
    let holders = [
        Holder::new(&ada, None),
        Holder::new(&ada, Some("0f")),
        Holder::new(&adam, None),
    ];
    for holder in &holders {
        store
            .put_key(holder, &model, SpecId([1; 16]), bytes("key"))
            .await
            .unwrap();
    }
    assert_eq!(store.purge(&ada).await.unwrap(), 2);
    assert_eq!(store.count_keys(&holders[2]).await.unwrap(), 1);
    assert_eq!(fs::read_dir(folder.path().join("keys")).unwrap().count(), 1);
}
