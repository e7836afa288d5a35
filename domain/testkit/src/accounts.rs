//! Contract suite of the port of the same name. Each case gets a store without accounts.

use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use lastseat_domain::account::{
    Account, AccountChange, AccountRefusal, Device, DeviceHash, EmailAddress, Link, LinkHash, LinkPurpose, PasswordHash, Session,
    SessionHash,
};
use lastseat_domain::ports::AccountStore;
use lastseat_domain::ports::accounts::TryKey;
use lastseat_domain::{AccountId, Role, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

type Store = Arc<dyn AccountStore>;

/// One case of the suite.
pub type AccountCase = fn(Store) -> BoxFuture<'static, ()>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case with its name.
        pub const CASES: &[(&str, AccountCase)] = &[$((stringify!($name), |store| $name(store).boxed())),*];
    };
}

cases!(
    an_account_is_found_by_id_and_address,
    an_address_is_of_one_account,
    of_many_who_want_an_address_at_once_one_gets_it,
    lists_are_newest_first,
    a_session_is_its_accounts,
    a_session_needs_the_password_as_it_is_now,
    a_changed_password_ends_the_other_sessions,
    only_a_password_that_is_still_the_same_is_changed,
    another_role_ends_the_sessions,
    a_role_is_for_those_whose_address_is_known_to_be_theirs,
    the_last_admin_stays,
    of_two_admins_who_go_at_once_one_stays,
    an_account_is_put_with_everything_at_once,
    only_the_newest_sessions_are_kept,
    devices_are_known_until_they_are_replaced_or_many,
    a_changed_password_or_an_erased_account_forgets_the_devices,
    an_erased_account_leaves_nothing,
    a_link_verifies_once_and_needs_the_password,
    a_link_replaces_the_password_and_ends_everything,
    a_link_is_for_one_thing_and_a_time,
    only_the_newest_links_work,
    a_use_is_written_down,
    tries_are_counted_and_forgotten,
    of_many_tries_at_once_only_the_free_ones_pass,
    what_is_over_is_swept,
);

/// An account of a buyer, made at second `number`.
pub fn account(number: u128, email: &str) -> Account {
    Account {
        id: AccountId(Uuid::from_u128(number)),
        email: address(email),
        password: PasswordHash::new("first"),
        role: Role::Buyer,
        created_at: at(i64::try_from(number).unwrap()),
        verified_at: None,
    }
}

fn address(text: &str) -> EmailAddress {
    text.parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_900_000_000 + second, 0).unwrap()
}

fn hash(number: u8) -> SessionHash {
    SessionHash([number; 32])
}

async fn ann(store: &Store) -> Account {
    let ann = account(1, "ann@example.org");
    assert!(store.add(ann.clone()).await.unwrap());
    ann
}

async fn sign_in(store: &Store, account: &Account, number: u8) {
    let session = Session { account: account.id, opened_at: at(10), seen_at: at(10) };
    assert!(store.open_session(hash(number), session, account.password.clone()).await.unwrap());
}

async fn is_open(store: &Store, number: u8) -> bool {
    store.session(hash(number)).await.unwrap().is_some()
}

async fn an_account_is_found_by_id_and_address(store: Store) {
    assert_eq!(store.by_email(address("ann@example.org")).await.unwrap(), None);
    let ann = ann(&store).await;
    assert_eq!(store.by_email(address("Ann@Example.org")).await.unwrap().as_ref(), Some(&ann));
    assert_eq!(store.by_id(ann.id).await.unwrap(), Some(ann));
    assert_eq!(store.by_id(AccountId(Uuid::from_u128(2))).await.unwrap(), None);
}

async fn an_address_is_of_one_account(store: Store) {
    let ann = ann(&store).await;
    assert!(!store.add(account(2, "ann@example.org")).await.unwrap());
    assert_eq!(store.by_email(address("ann@example.org")).await.unwrap(), Some(ann));
    assert_eq!(store.by_id(AccountId(Uuid::from_u128(2))).await.unwrap(), None);
}

async fn of_many_who_want_an_address_at_once_one_gets_it(store: Store) {
    let added = join_all((1..=20).map(|number| store.add(account(number, "ann@example.org")))).await;
    assert_eq!(added.into_iter().filter(|added| *added == Ok(true)).count(), 1);
}

async fn lists_are_newest_first(store: Store) {
    for (number, email) in [(1, "a@example.org"), (2, "b@example.org"), (3, "c@example.org")] {
        assert!(store.add(account(number, email)).await.unwrap());
    }
    let ids = async |after, limit| -> Vec<u128> {
        let page = store.list(after, limit).await.unwrap();
        page.into_iter().map(|account| account.id.0.as_u128()).collect()
    };
    assert_eq!(ids(None, 2).await, [3, 2]);
    assert_eq!(ids(Some(AccountId(Uuid::from_u128(2))), 2).await, [1]);
}

async fn a_session_is_its_accounts(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    let (session, account) = store.session(hash(1)).await.unwrap().unwrap();
    assert_eq!((session.account, session.opened_at, account), (ann.id, at(10), ann.clone()));
    assert!(!is_open(&store, 2).await);
    sign_in(&store, &ann, 2).await;
    assert_eq!(store.sessions_of(ann.id).await.unwrap().len(), 2);
    store.end_session(hash(1)).await.unwrap();
    assert!(!is_open(&store, 1).await && is_open(&store, 2).await);
    store.end_session(hash(1)).await.unwrap();
}

async fn a_session_needs_the_password_as_it_is_now(store: Store) {
    let ann = ann(&store).await;
    let session = Session { account: ann.id, opened_at: at(10), seen_at: at(10) };
    assert!(!store.open_session(hash(1), session, PasswordHash::new("other")).await.unwrap());
    let nobody = Session { account: AccountId(Uuid::from_u128(9)), ..session };
    assert!(!store.open_session(hash(1), nobody, ann.password).await.unwrap());
    assert!(!is_open(&store, 1).await);
}

async fn a_changed_password_ends_the_other_sessions(store: Store) {
    let ann = ann(&store).await;
    let bob = account(2, "bob@example.org");
    assert!(store.add(bob.clone()).await.unwrap());
    for (account, number) in [(&ann, 1), (&ann, 2), (&bob, 3)] {
        sign_in(&store, account, number).await;
    }
    let second = PasswordHash::new("second");
    assert!(store.change_password(ann.id, ann.password.clone(), second.clone(), Some(hash(2))).await.unwrap());
    assert!(!is_open(&store, 1).await && is_open(&store, 2).await && is_open(&store, 3).await);
    assert!(store.change_password(ann.id, second, PasswordHash::new("third"), None).await.unwrap());
    assert!(!is_open(&store, 2).await && is_open(&store, 3).await);
}

async fn only_a_password_that_is_still_the_same_is_changed(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    let (other, new) = (PasswordHash::new("other"), PasswordHash::new("new"));
    assert!(!store.change_password(ann.id, other.clone(), new.clone(), None).await.unwrap());
    store.rehash(ann.id, other, new.clone()).await.unwrap();
    assert_eq!(store.by_id(ann.id).await.unwrap().unwrap().password, ann.password);
    store.rehash(ann.id, ann.password, new.clone()).await.unwrap();
    assert_eq!(store.by_id(ann.id).await.unwrap().unwrap().password, new);
    assert!(is_open(&store, 1).await, "the password is the same");
}

async fn another_role_ends_the_sessions(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    assert_eq!(give(&store, &ann, Role::Buyer).await, Ok(Role::Buyer));
    assert!(is_open(&store, 1).await, "nothing has changed");
    assert_eq!(give(&store, &ann, Role::Staff).await, Ok(Role::Staff));
    assert!(!is_open(&store, 1).await);
    assert_eq!(give(&store, &account(9, "nobody@example.org"), Role::Staff).await, Err(AccountRefusal::Unknown));
}

/// Gives a role to somebody whose address is known to be theirs.
async fn give(store: &Store, account: &Account, role: Role) -> Result<Role, AccountRefusal> {
    let change = AccountChange { role: Some(role), is_verified: true };
    store.change(account.id, change, at(20)).await.unwrap().map(|account| account.role)
}

async fn a_role_is_for_those_whose_address_is_known_to_be_theirs(store: Store) {
    let ann = ann(&store).await;
    let change = |role, is_verified| store.change(ann.id, AccountChange { role, is_verified }, at(20));
    assert_eq!(change(Some(Role::Admin), false).await.unwrap(), Err(AccountRefusal::NotVerified));
    assert_eq!(store.by_id(ann.id).await.unwrap().as_ref(), Some(&ann));
    let verified = Account { verified_at: Some(at(20)), ..ann.clone() };
    assert_eq!(change(None, true).await.unwrap().as_ref(), Ok(&verified));
    let again = store.change(ann.id, AccountChange { role: Some(Role::Staff), is_verified: true }, at(30)).await.unwrap();
    assert_eq!(again, Ok(Account { role: Role::Staff, ..verified }));
    assert_eq!(store.by_id(ann.id).await.unwrap().as_ref(), again.as_ref().ok());
}

async fn admins(store: &Store) -> (Account, Account) {
    let of = |number, email| Account { role: Role::Admin, verified_at: Some(at(1)), ..account(number, email) };
    let both = (of(1, "ann@example.org"), of(2, "bob@example.org"));
    assert!(store.add(both.0.clone()).await.unwrap() && store.add(both.1.clone()).await.unwrap());
    both
}

async fn the_last_admin_stays(store: Store) {
    let (ann, bob) = admins(&store).await;
    assert_eq!(give(&store, &ann, Role::Staff).await, Ok(Role::Staff));
    assert_eq!(give(&store, &bob, Role::Manager).await, Err(AccountRefusal::LastAdmin));
    assert_eq!(store.erase(bob.id).await.unwrap(), Err(AccountRefusal::LastAdmin));
    assert_eq!(store.by_id(bob.id).await.unwrap().as_ref(), Some(&bob));
    assert_eq!(store.erase(ann.id).await.unwrap(), Ok(()));
    assert_eq!(give(&store, &bob, Role::Admin).await, Ok(Role::Admin));
}

async fn of_two_admins_who_go_at_once_one_stays(store: Store) {
    let (ann, bob) = admins(&store).await;
    let gone = join_all([store.erase(ann.id), store.erase(bob.id)]).await;
    assert_eq!(gone.iter().filter(|gone| **gone == Ok(Ok(()))).count(), 1, "{gone:?}");
    assert_eq!(store.list(None, 10).await.unwrap().len(), 1);
}

async fn an_account_is_put_with_everything_at_once(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    store.add_device(device(1), used(&ann, 10), None).await.unwrap();
    let root = Account { role: Role::Admin, password: PasswordHash::new("second"), verified_at: Some(at(9)), ..ann.clone() };
    let put = store.put(Account { id: AccountId(Uuid::from_u128(7)), created_at: at(9), ..root.clone() }).await.unwrap();
    assert_eq!(put, root, "the account that was there");
    assert_eq!(store.by_id(ann.id).await.unwrap(), Some(root));
    assert!(!is_open(&store, 1).await);
    assert_eq!(store.device(device(1)).await.unwrap(), None);
    let bob = Account { role: Role::Admin, ..account(2, "bob@example.org") };
    assert_eq!(store.put(bob.clone()).await.unwrap(), bob);
    assert_eq!(store.by_id(bob.id).await.unwrap(), Some(bob));
}

async fn only_the_newest_sessions_are_kept(store: Store) {
    let ann = ann(&store).await;
    let most = u8::try_from(Session::MOST).unwrap();
    for number in 0..=most {
        let opened_at = at(i64::from(number));
        let session = Session { account: ann.id, opened_at, seen_at: opened_at };
        assert!(store.open_session(hash(number), session, ann.password.clone()).await.unwrap());
    }
    assert_eq!(store.sessions_of(ann.id).await.unwrap().len(), Session::MOST);
    assert!(!is_open(&store, 0).await && is_open(&store, 1).await && is_open(&store, most).await);
}

fn device(number: u8) -> DeviceHash {
    DeviceHash([number; 32])
}

fn used(account: &Account, second: i64) -> Device {
    Device { account: account.id, seen_at: at(second) }
}

async fn devices_are_known_until_they_are_replaced_or_many(store: Store) {
    let ann = ann(&store).await;
    store.add_device(device(1), used(&ann, 10), None).await.unwrap();
    assert_eq!(store.device(device(1)).await.unwrap(), Some(used(&ann, 10)));
    store.add_device(device(2), used(&ann, 11), Some(device(1))).await.unwrap();
    assert_eq!(store.device(device(1)).await.unwrap(), None);
    let most = u8::try_from(Device::MOST).unwrap();
    for number in 3..=most + 2 {
        store.add_device(device(number), used(&ann, 20), None).await.unwrap();
    }
    assert_eq!(store.device(device(2)).await.unwrap(), None, "the one that was used longest ago");
    assert!(store.device(device(most + 2)).await.unwrap().is_some());
    let nobody = account(9, "nobody@example.org");
    store.add_device(device(200), used(&nobody, 20), None).await.unwrap();
    assert_eq!(store.device(device(200)).await.unwrap(), None);
    store.sweep(at(20) + Device::lasts()).await.unwrap();
    assert_eq!(store.device(device(most + 2)).await.unwrap(), None);
}

async fn a_changed_password_or_an_erased_account_forgets_the_devices(store: Store) {
    let (ann, bob) = (ann(&store).await, account(2, "bob@example.org"));
    assert!(store.add(bob.clone()).await.unwrap());
    for (account, number) in [(&ann, 1), (&bob, 2)] {
        store.add_device(device(number), used(account, 10), None).await.unwrap();
    }
    assert!(store.change_password(ann.id, ann.password.clone(), PasswordHash::new("second"), None).await.unwrap());
    assert_eq!(store.device(device(1)).await.unwrap(), None);
    assert_eq!(store.device(device(2)).await.unwrap(), Some(used(&bob, 10)));
    assert_eq!(store.erase(bob.id).await.unwrap(), Ok(()));
    assert_eq!(store.device(device(2)).await.unwrap(), None);
}

async fn an_erased_account_leaves_nothing(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    assert_eq!(store.erase(ann.id).await.unwrap(), Ok(()));
    assert!(!is_open(&store, 1).await);
    assert_eq!(store.by_id(ann.id).await.unwrap(), None);
    assert_eq!(store.sessions_of(ann.id).await.unwrap(), []);
    assert_eq!(store.erase(ann.id).await.unwrap(), Err(AccountRefusal::Unknown));
    assert!(store.add(account(2, "ann@example.org")).await.unwrap(), "the address may be used again");
}

async fn send(store: &Store, account: &Account, number: u8, purpose: LinkPurpose) -> LinkHash {
    let hash = LinkHash([number; 32]);
    store.add_link(hash, Link::new(account.id, purpose, at(10))).await.unwrap();
    hash
}

async fn a_link_verifies_once_and_needs_the_password(store: Store) {
    let ann = ann(&store).await;
    let link = send(&store, &ann, 1, LinkPurpose::Verify).await;
    let second = send(&store, &ann, 2, LinkPurpose::Verify).await;
    let found = store.link(link).await.unwrap().unwrap();
    assert_eq!(found, (Link::new(ann.id, LinkPurpose::Verify, at(10)), ann.clone()));
    assert!(!store.verify(link, PasswordHash::new("other"), at(20)).await.unwrap());
    assert!(!store.verify(LinkHash([9; 32]), ann.password.clone(), at(20)).await.unwrap());
    assert_eq!(store.by_id(ann.id).await.unwrap().as_ref(), Some(&ann));
    assert!(store.verify(link, ann.password.clone(), at(20)).await.unwrap());
    assert_eq!(store.by_id(ann.id).await.unwrap().unwrap().verified_at, Some(at(20)));
    for used in [link, second] {
        assert!(!store.verify(used, ann.password.clone(), at(30)).await.unwrap());
        assert_eq!(store.link(used).await.unwrap(), None);
    }
}

async fn a_link_replaces_the_password_and_ends_everything(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    store.add_device(device(1), used(&ann, 10), None).await.unwrap();
    let links = [send(&store, &ann, 1, LinkPurpose::Reset).await, send(&store, &ann, 2, LinkPurpose::Reset).await];
    let to = PasswordHash::new("second");
    let reset = store.reset_password(links[1], to.clone(), at(20)).await.unwrap().unwrap();
    assert_eq!(reset, Account { password: to.clone(), verified_at: Some(at(20)), ..ann.clone() });
    assert_eq!(store.by_id(ann.id).await.unwrap(), Some(reset));
    assert!(!is_open(&store, 1).await);
    assert_eq!(store.device(device(1)).await.unwrap(), None);
    for link in links {
        assert_eq!(store.reset_password(link, PasswordHash::new("third"), at(21)).await.unwrap(), None);
    }
    // Another password by other means ends such links, too.
    let link = send(&store, &ann, 3, LinkPurpose::Reset).await;
    assert!(store.change_password(ann.id, to, PasswordHash::new("fourth"), None).await.unwrap());
    assert_eq!(store.reset_password(link, PasswordHash::new("fifth"), at(22)).await.unwrap(), None);
}

async fn a_link_is_for_one_thing_and_a_time(store: Store) {
    let ann = ann(&store).await;
    let (verify, reset) = (send(&store, &ann, 1, LinkPurpose::Verify).await, send(&store, &ann, 2, LinkPurpose::Reset).await);
    assert!(!store.verify(reset, ann.password.clone(), at(20)).await.unwrap());
    assert_eq!(store.reset_password(verify, PasswordHash::new("second"), at(20)).await.unwrap(), None);
    let (day, half_an_hour) = (at(10 + 24 * 3600), at(10 + 1800));
    assert!(!store.verify(verify, ann.password.clone(), day).await.unwrap());
    assert_eq!(store.reset_password(reset, PasswordHash::new("second"), half_an_hour).await.unwrap(), None);
    store.sweep(half_an_hour).await.unwrap();
    assert!(store.link(verify).await.unwrap().is_some() && store.link(reset).await.unwrap().is_none());
    assert_eq!(store.erase(ann.id).await.unwrap(), Ok(()));
    assert_eq!(store.link(verify).await.unwrap(), None);
    send(&store, &ann, 3, LinkPurpose::Verify).await;
    assert_eq!(store.link(LinkHash([3; 32])).await.unwrap(), None, "of an account that is not there");
}

async fn only_the_newest_links_work(store: Store) {
    let ann = ann(&store).await;
    let other = send(&store, &ann, 200, LinkPurpose::Reset).await;
    let most = u8::try_from(Link::MOST).unwrap();
    for number in 0..=most {
        let link = Link::new(ann.id, LinkPurpose::Verify, at(i64::from(number)));
        store.add_link(LinkHash([number; 32]), link).await.unwrap();
    }
    let is_known = async |hash| store.link(hash).await.unwrap().is_some();
    assert!(!is_known(LinkHash([0; 32])).await && is_known(LinkHash([1; 32])).await && is_known(LinkHash([most; 32])).await);
    assert!(is_known(other).await);
}

async fn a_use_is_written_down(store: Store) {
    let ann = ann(&store).await;
    sign_in(&store, &ann, 1).await;
    for (seen, known) in [(20, 20), (15, 20)] {
        store.seen(hash(1), at(seen)).await.unwrap();
        assert_eq!(store.session(hash(1)).await.unwrap().unwrap().0.seen_at, at(known));
    }
}

async fn tries_are_counted_and_forgotten(store: Store) {
    let (one, other) = (TryKey([1; 32]), TryKey([2; 32]));
    for _ in 0..5 {
        assert_eq!(store.count_try(one, at(0)).await.unwrap(), Ok(()));
    }
    let locked = store.count_try(one, at(0)).await.unwrap().unwrap_err();
    assert_eq!(locked.until, at(30));
    assert_eq!(store.count_try(other, at(0)).await.unwrap(), Ok(()));
    assert_eq!(store.count_try(one, at(30)).await.unwrap(), Ok(()));
    assert_eq!(store.count_try(one, at(89)).await.unwrap().unwrap_err().until, at(90));
    store.forget_tries(one).await.unwrap();
    assert_eq!(store.count_try(one, at(31)).await.unwrap(), Ok(()));
}

async fn of_many_tries_at_once_only_the_free_ones_pass(store: Store) {
    let tries = join_all((0..50).map(|_| store.count_try(TryKey([1; 32]), at(0)))).await;
    assert_eq!(tries.into_iter().filter(|counted| *counted == Ok(Ok(()))).count(), 5);
}

async fn what_is_over_is_swept(store: Store) {
    let ann = ann(&store).await;
    let root = Account { role: Role::Admin, ..account(2, "root@example.org") };
    assert!(store.add(root.clone()).await.unwrap());
    sign_in(&store, &ann, 1).await;
    sign_in(&store, &root, 2).await;
    for _ in 0..5 {
        assert_eq!(store.count_try(TryKey([1; 32]), at(0)).await.unwrap(), Ok(()));
    }
    let hour = 3600;
    store.sweep(at(2 * hour)).await.unwrap();
    assert!(is_open(&store, 1).await && is_open(&store, 2).await);
    store.sweep(at(10 + 2 * hour)).await.unwrap();
    assert!(is_open(&store, 1).await && !is_open(&store, 2).await);
    assert!(store.count_try(TryKey([1; 32]), at(0)).await.unwrap().is_err(), "still known");
    store.sweep(at(24 * hour)).await.unwrap();
    assert_eq!(store.count_try(TryKey([1; 32]), at(0)).await.unwrap(), Ok(()));
    store.sweep(at(10 + 14 * 24 * hour)).await.unwrap();
    assert!(!is_open(&store, 1).await);
}
