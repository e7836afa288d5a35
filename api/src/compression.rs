//! Content codings: which one a client takes, and the bytes in it.

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use std::io::Write as _;

/// A content coding (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    Brotli,
    Gzip,
}

/// How long the bytes are going to be used.
#[derive(Debug, Clone, Copy)]
pub enum Use {
    /// As long as the program runs.
    Lasting,
    /// Until the next change.
    Brief,
}

/// Of brotli. The best is a tenth smaller than 9, and takes half a second of a CPU for all scripts of the shop: once for each
/// process. In debug builds it would take several, in each test that opens a page.
const BEST: i32 = if cfg!(debug_assertions) { 5 } else { 11 };

impl Coding {
    /// Its name in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The smallest that the client takes; `None` if it takes neither.
    #[must_use]
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let offers =
            headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        let offers: Vec<(&str, bool)> = offers.map(offer).collect();
        let takes = |coding: Self| {
            let of = |name: &str| offers.iter().find(|(offered, _)| offered.eq_ignore_ascii_case(name)).map(|(_, taken)| *taken);
            of(coding.name()).or_else(|| of("*")).unwrap_or(false)
        };
        [Self::Brotli, Self::Gzip].into_iter().find(|coding| takes(*coding))
    }

    /// The bytes in this coding.
    #[must_use]
    pub fn compress(self, bytes: &[u8], used: Use) -> Vec<u8> {
        let mut compressed = Vec::with_capacity(bytes.len() / 4);
        // Writing to memory can't fail.
        match self {
            Self::Brotli => {
                let quality = match used {
                    Use::Lasting => BEST,
                    Use::Brief => 3,
                };
                let params = BrotliEncoderParams { quality, ..BrotliEncoderParams::default() };
                let _ = brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params);
            }
            Self::Gzip => {
                let level = match used {
                    Use::Lasting => Compression::best(),
                    Use::Brief => Compression::fast(),
                };
                let mut encoder = GzEncoder::new(&mut compressed, level);
                let _ = encoder.write_all(bytes);
                let _ = encoder.finish();
            }
        }
        compressed
    }
}

/// A part of `Accept-Encoding`: the coding's name, and whether it is taken at all (`q` is not 0).
fn offer(part: &str) -> (&str, bool) {
    let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
    let quality = parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    let refused = quality.is_some_and(|quality| quality.trim().parse::<f32>().is_ok_and(|quality| quality == 0.0));
    (name.trim(), !refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_smallest_that_the_client_takes_is_chosen() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Some(Coding::Brotli)),
            ("br;q=0.1, gzip;q=1.0", Some(Coding::Brotli)),
            ("BR", Some(Coding::Brotli)),
            ("gzip", Some(Coding::Gzip)),
            ("br;q=0, gzip", Some(Coding::Gzip)),
            ("br; q=0.000 , *", Some(Coding::Gzip)),
            ("*", Some(Coding::Brotli)),
            ("*;q=0", None),
            ("gzip;q=0", None),
            ("identity", None),
            ("deflate, zstd", None),
            ("brotli", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, accepted.parse().unwrap());
            assert_eq!(Coding::accepted(&headers), coding, "{accepted}");
        }
        assert_eq!(Coding::accepted(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_compressed_reads_the_same() {
        let long: Vec<u8> = (0..200_000_u32).flat_map(|n| (n % 251).to_string().into_bytes()).collect();
        for text in [&b""[..], b"a", &long] {
            for used in [Use::Lasting, Use::Brief] {
                let mut read = Vec::new();
                brotli::Decompressor::new(&*Coding::Brotli.compress(text, used), 4096).read_to_end(&mut read).unwrap();
                assert_eq!(read, text);
                read.clear();
                flate2::read::GzDecoder::new(&*Coding::Gzip.compress(text, used)).read_to_end(&mut read).unwrap();
                assert_eq!(read, text);
            }
        }
    }
}
