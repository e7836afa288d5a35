//! What the readers of the formats have in common.

/// A picture that was read to its end and written again without what says more than it shows: where it was taken, with
/// which camera, by whom, and smaller pictures of it from before it was cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cleaned {
    /// Pixels, as it is shown.
    pub width: u32,
    /// Pixels, as it is shown.
    pub height: u32,
    pub bytes: Vec<u8>,
}

/// What is wrong with a file. Completes "Invalid picture: …".
pub(super) type Flaw = &'static str;

pub(super) const CUT_OFF: Flaw = "the file is cut off";
pub(super) const DAMAGED: Flaw = "the file is damaged";
pub(super) const ANIMATED: Flaw = "it is animated; save one of its images by itself, and send that";

/// Bytes `from..to`.
pub(super) fn part(bytes: &[u8], from: usize, length: usize) -> Result<&[u8], Flaw> {
    let to = from.checked_add(length).ok_or(CUT_OFF)?;
    bytes.get(from..to).ok_or(CUT_OFF)
}

/// The number in so few bytes, the most significant first.
pub(super) fn big_endian(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// The number in so few bytes, the least significant first.
pub(super) fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}
