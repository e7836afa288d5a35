//! Reads a WebP chunk by chunk and keeps those that it is shown by. Exif, XMP, chunks that nobody knows, and whatever
//! follows its end are left out. One that is animated is refused.

use super::cleaned::{ANIMATED, Cleaned, DAMAGED, Flaw, little_endian, part};

/// In the extended header: whether there is Exif, and XMP.
const HAS_METADATA: u8 = 0x08 | 0x04;
const IS_ANIMATED: u8 = 0x02;
/// Bytes before the first chunk: `RIFF`, the length of what follows, `WEBP`.
const HEADER: usize = 12;
/// Bytes of a chunk's type and length.
const FRAME: usize = 8;

pub(super) fn is_webp(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..HEADER) == Some(b"WEBP")
}

pub(super) fn cleaned(bytes: &[u8]) -> Result<Cleaned, Flaw> {
    let length = usize::try_from(little_endian(part(bytes, 4, 4)?)).unwrap_or(usize::MAX);
    let bytes = part(bytes, 0, length.saturating_add(FRAME))?;
    let (mut at, mut kept) = (HEADER, Vec::with_capacity(bytes.len()));
    let (mut canvas, mut image) = (None, None);
    while at < bytes.len() {
        let (kind, data) = chunk(bytes, at)?;
        // Each begins at an even place.
        at += FRAME + data.len() + data.len() % 2;
        match kind {
            b"VP8X" => {
                let [flags, rest @ ..] = data else { return Err(DAMAGED) };
                if flags & IS_ANIMATED != 0 {
                    return Err(ANIMATED);
                }
                let size = [part(data, 4, 3)?, part(data, 7, 3)?].map(|side| little_endian(side) + 1);
                if canvas.replace(size).is_some() || image.is_some() {
                    return Err(DAMAGED);
                }
                append(&mut kept, kind, &[&[flags & !HAS_METADATA], rest].concat());
            }
            b"VP8 " | b"VP8L" => {
                let size = if kind == b"VP8 " { size_of_lossy(data) } else { size_of_lossless(data) }?;
                if image.replace(size).is_some() {
                    return Err(DAMAGED);
                }
                append(&mut kept, kind, data);
            }
            b"ICCP" | b"ALPH" => append(&mut kept, kind, data),
            b"ANIM" | b"ANMF" => return Err(ANIMATED),
            _ => {}
        }
    }
    let [width, height] = image.filter(|image| canvas.is_none_or(|canvas| canvas == *image)).ok_or(DAMAGED)?;
    let length = u32::try_from(kept.len() + 4).map_err(|_| DAMAGED)?;
    let bytes = [b"RIFF", length.to_le_bytes().as_slice(), b"WEBP", &kept].concat();
    Ok(Cleaned { width, height, bytes })
}

fn chunk(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), Flaw> {
    let length = usize::try_from(little_endian(part(bytes, at + 4, 4)?)).unwrap_or(usize::MAX);
    Ok((part(bytes, at, 4)?, part(bytes, at + FRAME, length)?))
}

fn append(kept: &mut Vec<u8>, kind: &[u8], data: &[u8]) {
    kept.extend_from_slice(kind);
    // Never cut: what was read had a length in four bytes.
    kept.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    kept.extend_from_slice(data);
    kept.resize(kept.len() + data.len() % 2, 0);
}

/// Width and height in the header of a key frame.
fn size_of_lossy(data: &[u8]) -> Result<[u32; 2], Flaw> {
    if part(data, 3, 3)? != [0x9D, 0x01, 0x2A] {
        return Err(DAMAGED);
    }
    Ok([part(data, 6, 2)?, part(data, 8, 2)?].map(|side| little_endian(side) & 0x3FFF))
}

/// Each one less, in 14 bits.
fn size_of_lossless(data: &[u8]) -> Result<[u32; 2], Flaw> {
    if part(data, 0, 1)? != [0x2F] {
        return Err(DAMAGED);
    }
    let bits = little_endian(part(data, 1, 4)?);
    Ok([bits, bits >> 14].map(|side| (side & 0x3FFF) + 1))
}
