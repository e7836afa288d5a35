//! The codes of vouchers. Each follows from the secret and from what it was issued for; the log has only hashes of codes,
//! made under the secret, too: a reader of the log can neither compute a code nor try one.

use super::hmac_key::{HmacSha256, hmac};
use hmac::Mac;
use lastseat_domain::ports::VoucherCodes;
use lastseat_domain::{CampaignId, VoucherHash, VoucherId};

/// Crockford's Base32: no I, L, O and U, which are misread.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of a code, 5 bits each: too many to find one by trying.
const LENGTH: usize = 16;
/// Letters between two dashes.
const GROUP: usize = 4;

/// Makes codes, and the hashes under which the log knows them.
#[derive(Clone)]
pub struct VoucherKeys {
    codes: HmacSha256,
    hashes: HmacSha256,
}

impl VoucherKeys {
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let code = hmac(secret).chain_update(b"lastseat voucher code 1").finalize().into_bytes();
        let hash = hmac(secret).chain_update(b"lastseat voucher hash 1").finalize().into_bytes();
        Self { codes: hmac(&code), hashes: hmac(&hash) }
    }

    /// The code of a campaign's voucher, from number 1.
    #[must_use]
    pub fn code_of_campaign(&self, campaign: CampaignId, number: u32) -> String {
        self.code(&format!("campaign|{campaign}|{number}"))
    }

    /// The code of a reward.
    #[must_use]
    pub fn code_of_reward(&self, reward: VoucherId) -> String {
        self.code(&format!("reward|{reward}"))
    }

    fn code(&self, name: &str) -> String {
        let bytes = self.codes.clone().chain_update(name).finalize().into_bytes();
        let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
        // Each byte gives one letter: its lower five bits are as random as all.
        for (place, byte) in bytes.iter().take(LENGTH).enumerate() {
            if place > 0 && place % GROUP == 0 {
                code.push('-');
            }
            code.push(LETTERS.get(usize::from(byte % 32)).map_or('0', |letter| char::from(*letter)));
        }
        code
    }

    /// The voucher with a code, as people write it: in small letters or without dashes, with O for 0 and I or L for 1.
    /// `None` if it can't be a code.
    #[must_use]
    pub fn voucher(&self, code: &str) -> Option<VoucherHash> {
        let mut letters = String::with_capacity(LENGTH);
        for c in code.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let letter = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let is_one = u8::try_from(letter).is_ok_and(|letter| LETTERS.contains(&letter));
            if letters.len() == LENGTH || !is_one {
                return None;
            }
            letters.push(letter);
        }
        (letters.len() == LENGTH).then(|| self.hash(&letters))
    }

    fn hash(&self, letters: &str) -> VoucherHash {
        VoucherHash::of_bytes(self.hashes.clone().chain_update(letters).finalize().into_bytes().into())
    }
}

impl VoucherCodes for VoucherKeys {
    fn of_campaign(&self, campaign: CampaignId, number: u32) -> VoucherHash {
        self.hash(&self.code_of_campaign(campaign, number).replace('-', ""))
    }

    fn of_reward(&self, reward: VoucherId) -> VoucherHash {
        self.hash(&self.code_of_reward(reward).replace('-', ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn campaign(n: u128) -> CampaignId {
        CampaignId(Uuid::from_u128(n))
    }

    #[test]
    fn a_code_follows_from_the_secret_and_what_it_is_for() {
        let keys = VoucherKeys::new(b"secret");
        let code = keys.code_of_campaign(campaign(1), 1);
        assert_eq!(code, VoucherKeys::new(b"secret").code_of_campaign(campaign(1), 1));
        assert_eq!((code.len(), code.matches('-').count()), (19, 3), "{code}");
        for other in [
            keys.code_of_campaign(campaign(1), 2),
            keys.code_of_campaign(campaign(2), 1),
            VoucherKeys::new(b"another").code_of_campaign(campaign(1), 1),
        ] {
            assert_ne!(code, other);
        }
        assert_eq!(keys.voucher(&code), Some(keys.of_campaign(campaign(1), 1)));
        assert_ne!(VoucherKeys::new(b"another").voucher(&code), keys.voucher(&code), "the hash needs the secret, too");
    }

    #[test]
    fn a_rewards_code_is_no_campaigns_and_no_other_rewards() {
        let keys = VoucherKeys::new(b"secret");
        let reward = |n| VoucherId(Uuid::from_u128(n));
        let code = keys.code_of_reward(reward(1));
        assert_eq!(keys.voucher(&code), Some(keys.of_reward(reward(1))));
        for other in [
            keys.code_of_reward(reward(2)),
            keys.code_of_campaign(campaign(1), 1),
            VoucherKeys::new(b"another").code_of_reward(reward(1)),
        ] {
            assert_ne!(code, other);
        }
    }

    #[test]
    fn a_code_may_be_written_as_people_do() {
        let keys = VoucherKeys::new(b"secret");
        let voucher = keys.voucher("ABCD-EF01-2345-6789");
        assert!(voucher.is_some());
        for same in ["abcdef0123456789", "ABCD EFOI 2345 6789", "abcd-efol-2345-6789"] {
            assert_eq!(keys.voucher(same), voucher, "{same}");
        }
        for bad in ["", "ABCD", "ABCD-EF01-2345-678", "ABCD-EF01-2345-67890", "ABCD-EF01-2345-678U", "ABCD-EF01-2345-678é"] {
            assert_eq!(keys.voucher(bad), None, "{bad}");
        }
    }
}
