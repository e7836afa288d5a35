//! Who may have which role, and that there is always an admin.

use super::Account;
use crate::Role;

/// What an admin changes about an account. What is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// What its owner may do from now on.
    pub role: Option<Role>,
    /// The admin knows that the address is its owner's.
    pub is_verified: bool,
}

/// Why an account stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountRefusal {
    /// There is none.
    Unknown,
    /// Nobody knows whether the address is its owner's: anybody can sign up with any address.
    NotVerified,
    /// Nobody would be left who gives roles.
    LastAdmin,
}

impl Account {
    /// Checks a change. `is_only_admin`: no other account is an admin's.
    ///
    /// # Errors
    /// [`AccountRefusal`].
    pub fn check(&self, change: AccountChange, is_only_admin: bool) -> Result<(), AccountRefusal> {
        let Some(role) = change.role.filter(|role| *role != self.role) else { return Ok(()) };
        if role != Role::Buyer && self.verified_at.is_none() && !change.is_verified {
            return Err(AccountRefusal::NotVerified);
        }
        self.check_end(is_only_admin)
    }

    /// Checks that it may end, or be no admin's any more.
    ///
    /// # Errors
    /// [`AccountRefusal::LastAdmin`].
    pub fn check_end(&self, is_only_admin: bool) -> Result<(), AccountRefusal> {
        if self.role == Role::Admin && is_only_admin { Err(AccountRefusal::LastAdmin) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::account::PasswordHash;
    use crate::ids::AccountId;
    use uuid::Uuid;

    fn account(role: Role, is_verified: bool) -> Account {
        let created_at = Timestamp::from_timestamp(1_900_000_000, 0).unwrap();
        Account {
            id: AccountId(Uuid::nil()),
            email: "ann@example.org".parse().unwrap(),
            password: PasswordHash::new("x"),
            role,
            created_at,
            verified_at: is_verified.then_some(created_at),
        }
    }

    fn to(role: Role, is_verified: bool) -> AccountChange {
        AccountChange { role: Some(role), is_verified }
    }

    #[test]
    fn only_an_address_that_is_known_to_be_its_owners_gets_a_role() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Buyer) {
            let (unknown, known) = (account(Role::Buyer, false), account(Role::Buyer, true));
            assert_eq!(unknown.check(to(role, false), false), Err(AccountRefusal::NotVerified), "{role}");
            assert_eq!(unknown.check(to(role, true), false), Ok(()), "{role}");
            assert_eq!(known.check(to(role, false), false), Ok(()), "{role}");
            assert_eq!(account(role, false).check(to(Role::Buyer, false), false), Ok(()), "{role}: it may be taken away");
        }
        assert_eq!(account(Role::Buyer, false).check(AccountChange::default(), true), Ok(()));
    }

    #[test]
    fn the_last_admin_stays_one() {
        let admin = account(Role::Admin, true);
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            assert_eq!(admin.check(to(role, false), true), Err(AccountRefusal::LastAdmin), "{role}");
            assert_eq!(admin.check(to(role, false), false), Ok(()), "{role}");
        }
        assert_eq!(admin.check(to(Role::Admin, false), true), Ok(()), "nothing changes");
        assert_eq!(admin.check_end(true), Err(AccountRefusal::LastAdmin));
        assert_eq!((admin.check_end(false), account(Role::Staff, true).check_end(true)), (Ok(()), Ok(())));
    }
}
