//! The contract of the store, and what is left of an erased account.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use lastseat_domain::ports::AccountStore;
use lastseat_sqlite_accounts::SqliteAccounts;
use lastseat_testkit::accounts;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    for (name, case) in accounts::CASES {
        let dir = tempfile::tempdir().unwrap();
        println!("{name}");
        case(Arc::new(SqliteAccounts::open(&dir.path().join("accounts.db")).unwrap())).await;
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let open = || SqliteAccounts::open(&dir.path().join("accounts.db")).unwrap();
    let ann = accounts::account(1, "ann@example.org");
    assert!(open().add(ann.clone()).await.unwrap());
    assert_eq!(open().by_id(ann.id).await.unwrap(), Some(ann));
}

#[tokio::test]
async fn no_file_has_a_trace_of_an_erased_person() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteAccounts::open(&dir.path().join("accounts.db")).unwrap();
    let ann = accounts::account(1, "ann.with.an.unusual.address@example.org");
    store.add(ann.clone()).await.unwrap();
    store.add(accounts::account(2, "bob@example.org")).await.unwrap();
    let traces = || {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
        files.filter(|bytes| bytes.windows(20).any(|part| part == &b"ann.with.an.unusual."[..])).count()
    };
    assert!(traces() > 0);
    assert_eq!(store.erase(ann.id).await.unwrap(), Ok(()));
    assert_eq!(traces(), 0);
    assert!(store.by_email("bob@example.org".parse().unwrap()).await.unwrap().is_some());
}
