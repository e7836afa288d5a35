//! Reads a PNG chunk by chunk and keeps those that it is shown by. Texts, Exif, times, frames of an animation, and whatever
//! follows its end are left out.

use super::cleaned::{Cleaned, DAMAGED, Flaw, big_endian, part};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Critical chunks, and those that say how colours, transparency and the shape of pixels are meant.
const KEPT: [&[u8]; 13] =
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs"];
/// Bytes of a chunk besides its data: length, type, checksum.
const FRAME: usize = 12;

pub(super) fn cleaned(bytes: &[u8]) -> Result<Cleaned, Flaw> {
    let (mut at, mut kept) = (SIGNATURE.len(), Vec::with_capacity(bytes.len()));
    let (mut size, mut has_data) = (None, false);
    kept.extend_from_slice(SIGNATURE);
    loop {
        let length = usize::try_from(big_endian(part(bytes, at, 4)?)).unwrap_or(usize::MAX);
        let chunk = part(bytes, at, length.saturating_add(FRAME))?;
        let kind = part(chunk, 4, 4)?;
        at += chunk.len();
        // The first chunk has the size, and no other is like it.
        if (kind == b"IHDR") != size.is_none() {
            return Err(DAMAGED);
        }
        if size.is_none() {
            size = Some([part(chunk, 8, 4)?, part(chunk, 12, 4)?].map(big_endian)).filter(|_| length == 13);
        }
        has_data |= kind == b"IDAT";
        if KEPT.contains(&kind) {
            kept.extend_from_slice(chunk);
        }
        if kind == b"IEND" {
            break;
        }
    }
    let [width, height] = size.filter(|_| has_data).ok_or(DAMAGED)?;
    Ok(Cleaned { width, height, bytes: kept })
}
