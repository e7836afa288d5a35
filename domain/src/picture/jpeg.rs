//! Reads a JPEG marker by marker and keeps what is needed to show it: tables, scans, its colour profile, and which side is
//! up. Exif, XMP, IPTC, comments, thumbnails and whatever follows its end are left out.

use super::cleaned::{CUT_OFF, Cleaned, DAMAGED, Flaw, big_endian, little_endian, part};

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];
const EXIF: &[u8] = b"Exif\0\0";
/// Bytes of Adobe's segment, which says how colours are meant.
const ADOBE: usize = 12;

pub(super) fn cleaned(bytes: &[u8]) -> Result<Cleaned, Flaw> {
    let (mut at, mut kept) = (START.len(), Vec::with_capacity(bytes.len()));
    let (mut size, mut scans, mut turned) = (None, 0, None);
    kept.extend_from_slice(&START);
    loop {
        let (marker, after) = marker(bytes, at)?;
        if marker == END[1] {
            kept.extend_from_slice(&END);
            break;
        }
        // Markers without a length have no place between segments.
        if matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8) {
            return Err(DAMAGED);
        }
        let length = usize::try_from(big_endian(part(bytes, after, 2)?)).unwrap_or(usize::MAX);
        let payload = part(bytes, after + 2, length.checked_sub(2).ok_or(DAMAGED)?)?;
        at = after + length;
        if is_frame(marker) {
            let [height, width] = [part(payload, 1, 2)?, part(payload, 3, 2)?].map(big_endian);
            if size.replace((width, height)).is_some() {
                return Err(DAMAGED);
            }
        }
        match marker {
            // Of JFIF's own segment, all but its thumbnail.
            0xE0 if payload.starts_with(b"JFIF\0") => {
                let header = part(payload, 0, 12)?;
                append(&mut kept, marker, &[header, &[0, 0]]);
            }
            0xE1 if turned.is_none() && payload.starts_with(EXIF) => {
                let side = orientation(payload.get(EXIF.len()..).unwrap_or_default()).unwrap_or(1);
                if side > 1 {
                    append(&mut kept, marker, &[EXIF, &only_orientation(side)]);
                }
                turned = Some(side);
            }
            0xE2 if payload.starts_with(b"ICC_PROFILE\0") => append(&mut kept, marker, &[payload]),
            0xEE if payload.starts_with(b"Adobe") => {
                if let Some(known) = payload.get(..ADOBE) {
                    append(&mut kept, marker, &[known]);
                }
            }
            // Frames, their tables, and scans.
            0xC0..=0xCF | 0xDA..=0xDD => append(&mut kept, marker, &[payload]),
            // Applications' and comments, and what nobody knows.
            _ => {}
        }
        if marker == 0xDA {
            scans += 1;
            let scan = scan(bytes, at)?;
            kept.extend_from_slice(scan);
            at += scan.len();
        }
    }
    let (width, height) = size.filter(|_| scans > 0).ok_or(DAMAGED)?;
    let lies = turned.is_some_and(|side| side >= 5);
    let (width, height) = if lies { (height, width) } else { (width, height) };
    Ok(Cleaned { width, height, bytes: kept })
}

/// The marker at `at`, and where it ends. Any number of `FF` may precede it.
fn marker(bytes: &[u8], at: usize) -> Result<(u8, usize), Flaw> {
    let rest = bytes.get(at..).ok_or(CUT_OFF)?;
    let filled = rest.iter().take_while(|byte| **byte == 0xFF).count();
    match rest.get(filled) {
        None => Err(CUT_OFF),
        Some(_) if filled == 0 => Err(DAMAGED),
        Some(marker) => Ok((*marker, at + filled + 1)),
    }
}

/// Whether the marker begins a frame, which has the size.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn append(kept: &mut Vec<u8>, marker: u8, payload: &[&[u8]]) {
    let payload = payload.concat();
    // Never cut: what was read had a length in two bytes, and nothing is added to it.
    let length = u16::try_from(payload.len() + 2).unwrap_or(u16::MAX);
    kept.extend_from_slice(&[0xFF, marker]);
    kept.extend_from_slice(&length.to_be_bytes());
    kept.extend_from_slice(&payload);
}

/// The data of a scan: up to the next marker that is none of its own.
fn scan(bytes: &[u8], at: usize) -> Result<&[u8], Flaw> {
    let rest = bytes.get(at..).ok_or(CUT_OFF)?;
    let is_end = |pair: &[u8]| matches!(pair, [0xFF, next] if !matches!(next, 0x00 | 0xD0..=0xD7));
    let length = rest.windows(2).position(is_end).ok_or(CUT_OFF)?;
    Ok(rest.get(..length).unwrap_or_default())
}

/// Which side is up, 1 to 8, as the first directory of Exif's data says it.
fn orientation(tiff: &[u8]) -> Option<u8> {
    const TAG: u32 = 0x0112;
    let number = match tiff.get(..4)? {
        b"MM\0*" => big_endian,
        b"II*\0" => little_endian,
        _ => return None,
    };
    let directory = tiff.get(usize::try_from(number(tiff.get(4..8)?)).ok()?..)?;
    let count = usize::try_from(number(directory.get(..2)?)).ok()?;
    let mut entries = directory.get(2..)?.chunks_exact(12).take(count);
    let entry = entries.find(|entry| entry.get(..2).is_some_and(|tag| number(tag) == TAG))?;
    u8::try_from(number(entry.get(8..10)?)).ok().filter(|side| (1..=8).contains(side))
}

/// Exif's data with nothing else in it.
fn only_orientation(side: u8) -> [u8; 26] {
    [
        b'M', b'M', 0, b'*', 0, 0, 0, 8, // the directory begins at 8
        0, 1, // and has one entry:
        1, 0x12, 0, 3, 0, 0, 0, 1, 0, side, 0, 0, // one short number
        0, 0, 0, 0, // no directory follows
    ]
}
