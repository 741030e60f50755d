//! Files that are created once, in both areas.

use crate::facts;
use crate::given::Stores;
use ports::{Area, Put};

facts![
    a_file_is_written_once,
    areas_do_not_see_each_other,
    of_many_puts_of_one_key_one_wins,
    what_was_published_is_known,
];

async fn a_file_is_written_once(stores: Stores) {
    for area in [Area::Evidence, Area::Outbox] {
        let files = &stores.one.files;
        assert_eq!(files.get(area, "a/b").await.unwrap(), None);
        let put = async |bytes: &[u8]| files.put_new(area, "a/b", bytes).await.unwrap();
        assert_eq!(put(b"one").await, Put::Created);
        assert_eq!(put(b"two").await, Put::AlreadyThere);
        let other = &stores.other.files;
        let put = other.put_new(area, "a/b", b"three").await.unwrap();
        assert_eq!(put, Put::AlreadyThere);
        let stored = other.get(area, "a/b").await.unwrap();
        assert_eq!(stored.as_deref(), Some(&b"one"[..]), "{area:?}");
    }
}

async fn areas_do_not_see_each_other(stores: Stores) {
    let files = &stores.one.files;
    files.put_new(Area::Evidence, "one", b"ours").await.unwrap();
    assert_eq!(files.get(Area::Outbox, "one").await.unwrap(), None);
    assert!(!files.was_published("one").await.unwrap());
    let put = files.put_new(Area::Outbox, "one", b"theirs").await;
    assert_eq!(put.unwrap(), Put::Created);
}

async fn of_many_puts_of_one_key_one_wins(stores: Stores) {
    for area in [Area::Evidence, Area::Outbox] {
        let tasks: Vec<_> = (0..20_u8)
            .map(|byte| {
                let store = [&stores.one, &stores.other][usize::from(byte) % 2].clone();
                tokio::spawn(
                    async move { store.files.put_new(area, "one", &[byte]).await.unwrap() },
                )
            })
            .collect();
        let mut created = Vec::new();
        for (byte, task) in (0..20_u8).zip(tasks) {
            if task.await.unwrap() == Put::Created {
                created.push(byte);
            }
        }
        assert_eq!(created.len(), 1, "{area:?}");
        let stored = stores.one.files.get(area, "one").await.unwrap();
        assert_eq!(stored, Some(created), "{area:?}");
    }
}

async fn what_was_published_is_known(stores: Stores) {
    let files = &stores.one.files;
    let key = "northwind/SH1-1001-1.json";
    assert!(!files.was_published(key).await.unwrap());
    files.put_new(Area::Outbox, key, b"one").await.unwrap();
    assert!(files.was_published(key).await.unwrap());
    assert!(stores.other.files.was_published(key).await.unwrap());
    let beginning = "northwind/SH1-1001-1.js";
    assert!(!files.was_published(beginning).await.unwrap());
}
