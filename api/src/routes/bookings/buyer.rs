//! Buyers that somebody else names: in a hold at the till, or for a transfer.

use crate::app::App;
use crate::problem::{Code, Problem};
use lastseat_domain::account::BUYER_PREFIX;
use lastseat_domain::{AccountId, BuyerId};

/// The buyer with this account.
///
/// # Errors
/// 422 for what can't be the name of an account.
pub fn account(name: &str) -> Result<BuyerId, Problem> {
    let refused = |detail: String| Err(Problem::new(Code::InvalidRequest, detail).fact("field", "buyer"));
    match BuyerId::new(name) {
        Err(rule) => refused(format!("`buyer` is not a name of an account: {rule}.")),
        Ok(buyer) if buyer.is_guest() => {
            refused("`buyer` must not begin with `guest:`: it is the `sub` of a buyer's token.".to_owned())
        }
        Ok(buyer) => Ok(buyer),
    }
}

/// Refuses an account of this server that there is not: nobody could ever reach what is given to it. Buyers of other issuers of
/// tokens are not known here, and neither are accounts on a server that has none.
///
/// # Errors
/// 422 `unknown_account`; 503 if the accounts can't be read.
pub async fn check_exists(app: &App, buyer: &BuyerId) -> Result<(), Problem> {
    let Some(accounts) = app.parts().accounts.as_ref().filter(|_| buyer.is_account()) else { return Ok(()) };
    if let Some(id) = account_of(buyer)
        && accounts.store().by_id(id).await?.is_some()
    {
        return Ok(());
    }
    let detail = format!("No account here is `{buyer}`. Its owner finds the number in their wallet; copy all of it.");
    Err(Problem::new(Code::UnknownAccount, detail).fact("field", "buyer"))
}

/// The account of a buyer. Only one way to write its id is the buyer that signs in.
fn account_of(buyer: &BuyerId) -> Option<AccountId> {
    let id = buyer.as_str().strip_prefix(BUYER_PREFIX)?.parse().ok()?;
    (BuyerId::of_account(id) == *buyer).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyer_is_the_name_of_an_account() {
        assert_eq!(account("anna").unwrap().as_str(), "anna");
        for bad in ["", "two words", "guest:1", "a\u{e4}"] {
            assert_eq!(account(bad).expect_err("refused").code(), Code::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn an_account_is_written_in_one_way_only() {
        const ID: &str = "0190c42e-7b3a-7c11-9d2f-2f6e4e1c8a55";
        let of = |text: &str| account_of(&account(text).unwrap());
        assert_eq!(of(&format!("account:{ID}")), Some(ID.parse().unwrap()));
        for other in [
            format!("account:{}", ID.to_uppercase()),
            format!("account:{}", ID.replace('-', "")),
            "account:1".to_owned(),
            ID.to_owned(),
        ] {
            assert_eq!(of(&other), None, "{other}");
        }
    }
}
