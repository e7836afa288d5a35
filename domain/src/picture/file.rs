//! Whether a file can be a show's picture, and the file without what says more than it shows.

use super::cleaned::{Cleaned, Flaw};
use super::{jpeg, png, webp};
use crate::event::PictureType;
use crate::rejection::Rejection;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Most bytes of what is kept, so that its event stays far below what EventStoreDB accepts.
pub const MAX_BYTES: usize = 200_000;
/// Most pixels of each side: what a browser needs for them stays below 64 MiB.
pub const MAX_SIDE: u32 = 4096;

/// A picture that a show can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedPicture {
    media_type: PictureType,
    width: u32,
    height: u32,
    sha256: String,
    bytes: Arc<[u8]>,
}

impl CheckedPicture {
    /// Reads a file. What it is, its first bytes say; `claimed` is what the request says.
    ///
    /// # Errors
    /// `UnsupportedPicture`, `PictureTypeDiffers`, `InvalidPicture`, `PictureTooLarge`.
    pub fn new(file: &[u8], claimed: Option<&str>) -> Result<Self, Rejection> {
        let claimed =
            PictureType::ALL.into_iter().find(|known| claimed.is_some_and(|text| text.eq_ignore_ascii_case(known.name())));
        let (Some(claimed), Some(found)) = (claimed, type_of(file)) else { return Err(Rejection::UnsupportedPicture) };
        if claimed != found {
            return Err(Rejection::PictureTypeDiffers { claimed, found });
        }
        let cleaned = match found {
            PictureType::Jpeg => jpeg::cleaned(file),
            PictureType::Png => png::cleaned(file),
            PictureType::Webp => webp::cleaned(file),
        };
        let Cleaned { width, height, bytes } = cleaned.map_err(|flaw: Flaw| invalid(flaw.to_owned()))?;
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(invalid(format!("it has {width} x {height} pixels, and each side may have 1 to {MAX_SIDE}")));
        }
        if bytes.len() > MAX_BYTES {
            return Err(Rejection::PictureTooLarge { bytes: bytes.len(), most: MAX_BYTES });
        }
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { media_type: found, width, height, sha256, bytes: bytes.into() })
    }

    /// What it is.
    #[must_use]
    pub fn media_type(&self) -> PictureType {
        self.media_type
    }

    /// Pixels, as it is shown.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels, as it is shown.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Of its bytes, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What is kept of the file.
    #[must_use]
    pub fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }
}

/// What the first bytes say. Of a text, such as an SVG, which may contain scripts, they never say it.
fn type_of(file: &[u8]) -> Option<PictureType> {
    if file.starts_with(b"\xFF\xD8\xFF") {
        Some(PictureType::Jpeg)
    } else if file.starts_with(png::SIGNATURE) {
        Some(PictureType::Png)
    } else {
        webp::is_webp(file).then_some(PictureType::Webp)
    }
}

fn invalid(why: String) -> Rejection {
    Rejection::InvalidPicture { field: "body", why }
}
