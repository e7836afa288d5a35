//! Numbers by chance, the same from the same seed.

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `n` - 1.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// 1 to `n`.
    pub fn one_to(&mut self, n: i64) -> i64 {
        1 + i64::try_from(self.below(usize::try_from(n).unwrap())).unwrap()
    }

    /// Another byte in the place of one.
    pub fn change(&mut self, bytes: &mut [u8]) -> usize {
        let at = self.below(bytes.len());
        // Half of them only a bit, as damage does; half anything, as people do.
        bytes[at] ^= if self.below(2) == 0 { 1 << self.below(8) } else { 1 + u8::try_from(self.below(255)).unwrap() };
        at
    }
}
