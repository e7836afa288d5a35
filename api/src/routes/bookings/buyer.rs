//! Buyers that somebody else names: in a hold at the till, or for a transfer.

use crate::problem::{Code, Problem};
use lastseat_domain::BuyerId;

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
}
