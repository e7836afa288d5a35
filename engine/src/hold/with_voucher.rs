//! A hold that sends a voucher for the blocks that this opens. The voucher is looked at first, so that one that can't be
//! used takes no seats; whether the booking gets it is decided after the hold.

use super::open_strategy::OpenStrategy;
use super::place_hold::hold;
use super::replay::replay;
use crate::error::CommandError;
use crate::requests::{Hold, HoldRequest};
use crate::services::Services;
use lastseat_domain::block::Access;
use lastseat_domain::{BlockId, Rejection, VoucherHash};

/// Places the hold with access to the voucher's blocks, besides what else it shows. The voucher is not its own yet.
pub(crate) async fn hold_with_voucher(
    services: &Services,
    request: &HoldRequest,
    access: Access,
    sender: &str,
    voucher: &VoucherHash,
) -> Result<Hold, CommandError> {
    match opened_by(services, request, voucher).await {
        Ok(by_voucher) => hold(services, request, &Access { by_voucher, ..access }, sender).await,
        // An earlier try of the same request may be the one that has it.
        Err(CommandError::Rejected(rejection)) if request.fingerprint.is_some() => {
            let strategy = OpenStrategy::of(&*services.ports.log);
            let found = replay(services, strategy, request, sender).await?;
            let counts = |hold: &Hold| hold.booking.is_undecided() || hold.booking.has_applied(voucher);
            found.filter(counts).ok_or_else(|| rejection.into())
        }
        Err(error) => Err(error),
    }
}

/// The blocks that the voucher opens; one of them at least is of the show.
async fn opened_by(services: &Services, request: &HoldRequest, voucher: &VoucherHash) -> Result<Vec<BlockId>, CommandError> {
    let voucher = services.vouchers.load(voucher).await?.state.ok_or(Rejection::UnknownVoucher)?;
    voucher.created.terms.check_opens(&request.show)?;
    voucher.check_usable(services.now())?;
    let active_show = services.shows.get(&request.show).ok_or(Rejection::ShowNotFound)?;
    let access = Access { by_voucher: voucher.created.terms.opens, ..Access::default() };
    if active_show.blocks.opened_by(&access).is_empty() {
        return Err(Rejection::VoucherNotUsable { why: "it opens no seats of this show now".to_owned() }.into());
    }
    Ok(access.by_voucher)
}
