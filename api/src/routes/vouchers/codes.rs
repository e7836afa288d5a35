//! A voucher's code in a request.

use crate::app::App;
use crate::auth::Caller;
use crate::limits::{Client, Guess};
use crate::problem::Problem;
use crate::routes::bookings::block_access;
use lastseat_domain::{Rejection, VoucherHash};
use lastseat_engine::CommandError;
use serde::Deserialize;
use utoipa::ToSchema;

/// A voucher.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct VoucherBody {
    /// Its code. Small letters and other dashes are fine.
    #[schema(example = "7K2M-Q9XA-0R4T-ZC5E", min_length = 1, max_length = 128)]
    pub voucher: String,
}

/// A code that is being tried. A wrong one is counted against its sender, as a wrong access code is: a code is as good as
/// money, so it must not be found by trying.
pub struct TriedCode {
    pub voucher: VoucherHash,
    guess: Guess,
}

impl TriedCode {
    /// # Errors
    /// 422 for what can't be a code, 429 for who was wrong too often.
    pub fn read(app: &App, code: &str, caller: &Caller, client: Client) -> Result<Self, Problem> {
        let guess = block_access::guess_of(app, caller, client)?;
        match app.parts().auth.vouchers().voucher(code) {
            Some(voucher) => Ok(Self { voucher, guess }),
            None => {
                guess.was_wrong();
                Err(Rejection::UnknownVoucher.into())
            }
        }
    }

    /// The command with this code was decided.
    pub fn decided<T>(self, decided: &Result<T, CommandError>) {
        if matches!(decided, Err(CommandError::Rejected(Rejection::UnknownVoucher))) {
            self.guess.was_wrong();
        }
    }
}
