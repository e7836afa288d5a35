//! Pictures of shows, as the log says.

use super::code::Code;
use super::report::Place;
use super::state::Audit;
use lastseat_domain::Envelope;
use lastseat_domain::event::{Event, PictureType, ShowPictured};
use sha2::{Digest, Sha256};

/// Most bytes of a picture.
const MOST: usize = 200_000;

impl Audit {
    pub(super) fn take_picture(&mut self, envelope: &Envelope) {
        let (show, next) = match &envelope.event {
            Event::ShowPictured(e) => (&e.show, Some((e.sha256.clone(), e.alt.clone()))),
            Event::ShowPictureRemoved(e) => (&e.show, None),
            _ => return,
        };
        let place = Place::of(envelope);
        let own = envelope.stream.as_picture().is_some_and(|of_stream| of_stream == *show);
        self.findings.check(Code::WrongStream, own, &place, || format!("it is about show {show}"));
        let known = self.shows.contains_key(show);
        self.findings.check(Code::SeatNotInPlan, known, &place, || format!("show {show} was never scheduled"));
        if let Event::ShowPictured(e) = &envelope.event {
            let flaw = flaw(e);
            self.findings.check(Code::PictureDiffers, flaw.is_none(), &place, || flaw.unwrap_or_default().to_owned());
        }
        if own {
            let last = self.pictures.insert(show.clone(), next.clone()).flatten();
            self.findings.check(Code::PictureTwice, last != next, &place, || format!("show {show} was like that already"));
        }
    }
}

/// What is wrong with the bytes.
fn flaw(e: &ShowPictured) -> Option<&'static str> {
    let bytes = &e.bytes.0;
    let begins: &[&[u8]] = match e.media_type {
        PictureType::Jpeg => &[b"\xFF\xD8\xFF"],
        PictureType::Png => &[b"\x89PNG\r\n\x1a\n"],
        PictureType::Webp => &[b"RIFF", b"WEBP"],
    };
    // WebP has a length of four bytes between its two.
    let is_of_type = begins.iter().zip([0, 8]).all(|(text, at)| bytes.get(at..).is_some_and(|rest| rest.starts_with(text)));
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if hash != e.sha256 {
        Some("its bytes don't come to its hash")
    } else if !is_of_type {
        Some("its first bytes are not those of its media type")
    } else if bytes.len() > MOST {
        Some("it is too large")
    } else {
        None
    }
}
