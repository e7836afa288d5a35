//! Pictures of shows: which files can be one, what of them is kept, and when one is set or removed.

use crate::support;

use lastseat_domain::decider::Decider;
use lastseat_domain::event::{Event, PictureType, ShowPictured};
use lastseat_domain::picture::{CheckedPicture, MAX_ALT, MAX_BYTES, MAX_CHANGES, MAX_SIDE, PictureCommand, ShowPicture};
use lastseat_domain::{Rejection, StreamName};
use lastseat_testkit::pictures::{exif, jpeg, jpeg_segment, png, png_chunk, webp, webp_chunk, webp_pixels};
use proptest::prelude::*;
use std::sync::Arc;
use support::{minute, show};

const JPEG: &str = "image/jpeg";
const PNG: &str = "image/png";
const WEBP: &str = "image/webp";
/// What no picture that is kept may contain.
const PLACE: &str = "48.2082N 16.3738E";

fn has_place(bytes: &[u8]) -> bool {
    bytes.windows(PLACE.len()).any(|part| part == PLACE.as_bytes())
}

fn kept(file: &[u8], claimed: &str) -> CheckedPicture {
    CheckedPicture::new(file, Some(claimed)).unwrap_or_else(|why| panic!("{why}"))
}

fn refused(file: &[u8], claimed: &str) -> &'static str {
    CheckedPicture::new(file, Some(claimed)).expect_err("refused").code()
}

/// With a segment for each way to say where it was taken, and to keep a smaller picture.
fn telling_jpeg(side: u8) -> Vec<u8> {
    let jfif = [&b"JFIF\0\x01\x02\0\0\x48\0\x48\x02\x02"[..], PLACE.as_bytes()].concat();
    let telling = |marker, name: &[u8]| jpeg_segment(marker, &[name, PLACE.as_bytes()].concat());
    let segments = [
        jpeg_segment(0xE0, &jfif),
        telling(0xE0, b"JFXX\0\x10"),
        exif(side, PLACE),
        telling(0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        jpeg_segment(0xE2, b"ICC_PROFILE\0\x01\x01profile"),
        telling(0xE2, b"MPF\0"),
        telling(0xED, b"Photoshop 3.0\0"),
        telling(0xEE, b"Adobe\0\x64\0\0\0\0\x01"),
        telling(0xFE, b""),
        // No decoder knows this one.
        telling(0x02, b""),
    ];
    // Phones append a whole second picture.
    [jpeg(640, 480, &segments), jpeg(8, 8, &[exif(1, PLACE)])].concat()
}

fn telling_png() -> Vec<u8> {
    let whole = png(4, 3, 1);
    let (header, rest) = whole.split_at(8 + 25);
    let telling =
        [*b"tEXt", *b"zTXt", *b"iTXt", *b"eXIf", *b"tIME", *b"acTL", *b"abCd"].map(|kind| png_chunk(&kind, PLACE.as_bytes()));
    [header, &png_chunk(b"gAMA", &[0, 0, 0xB1, 0x8F]), &telling.concat(), rest, PLACE.as_bytes()].concat()
}

fn telling_webp() -> Vec<u8> {
    let extended = webp_chunk(b"VP8X", &[0x2C, 0, 0, 0, 31, 0, 0, 15, 0, 0]);
    let telling = [*b"EXIF", *b"XMP ", *b"abcd"].map(|kind| webp_chunk(&kind, PLACE.as_bytes()));
    let profile = webp_chunk(b"ICCP", b"profile");
    [webp(&[extended, profile, webp_pixels(32, 16), telling.concat()]), PLACE.as_bytes().to_vec()].concat()
}

#[test]
fn what_a_file_is_its_first_bytes_say_and_the_request_has_to_agree() {
    let files = [(JPEG, jpeg(40, 30, &[])), (PNG, png(40, 30, 1)), (WEBP, webp(&[webp_pixels(40, 30)]))];
    for (claimed, _) in &files {
        for (found, file) in &files {
            if claimed == found {
                let picture = kept(file, claimed);
                assert_eq!((picture.media_type().name(), picture.width(), picture.height()), (*found, 40, 30));
                assert_eq!(*picture.bytes(), **file, "{found}");
            } else {
                assert_eq!(refused(file, claimed), "picture_type_differs", "{found} as {claimed}");
            }
        }
    }
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    for claimed in [JPEG, PNG, WEBP, "image/svg+xml", "text/html", ""] {
        assert_eq!(refused(svg, claimed), "unsupported_picture", "{claimed}");
        assert_eq!(refused(b"", claimed), "unsupported_picture", "{claimed}");
    }
    assert_eq!(refused(&png(1, 1, 1), "image/svg+xml"), "unsupported_picture");
    assert_eq!(CheckedPicture::new(&png(1, 1, 1), None).expect_err("refused").code(), "unsupported_picture");
    assert_eq!(kept(&png(1, 1, 1), "Image/PNG").media_type(), PictureType::Png);
}

#[test]
fn what_says_more_than_the_picture_shows_is_not_kept() {
    for (claimed, file, (width, height)) in
        [(JPEG, telling_jpeg(1), (640, 480)), (PNG, telling_png(), (4, 3)), (WEBP, telling_webp(), (32, 16))]
    {
        assert!(has_place(&file), "{claimed}");
        let picture = kept(&file, claimed);
        assert!(!has_place(&picture.bytes()), "{claimed}");
        assert_eq!((picture.width(), picture.height()), (width, height), "{claimed}");
        // What is kept is a whole picture, and keeps everything of itself.
        assert_eq!(kept(&picture.bytes(), claimed), picture, "{claimed}");
    }
    let profile = |file: Vec<u8>, claimed| kept(&file, claimed).bytes().windows(7).any(|part| part == b"profile");
    assert!(profile(telling_jpeg(1), JPEG) && profile(telling_webp(), WEBP));
    // The extended header no longer promises what is not there.
    assert_eq!(kept(&telling_webp(), WEBP).bytes().get(20), Some(&0x20));
}

#[test]
fn a_photograph_that_was_taken_upright_stays_upright() {
    for side in 0..=9 {
        let picture = kept(&telling_jpeg(side), JPEG);
        let lies = (5..=8).contains(&side);
        assert_eq!((picture.width(), picture.height()), if lies { (480, 640) } else { (640, 480) }, "{side}");
        assert!(!has_place(&picture.bytes()), "{side}");
        let says = picture.bytes().windows(6).any(|part| part == b"Exif\0\0");
        assert_eq!(says, (2..=8).contains(&side), "{side}");
        assert_eq!(kept(&picture.bytes(), JPEG), picture, "{side}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for (claimed, file) in [(JPEG, jpeg(40, 30, &[exif(6, PLACE)])), (PNG, png(2, 2, 1)), (WEBP, webp(&[webp_pixels(4, 3)]))] {
        for length in 0..file.len() {
            let code = refused(&file[..length], claimed);
            assert!(["unsupported_picture", "invalid_picture"].contains(&code), "{claimed}, {length}: {code}");
        }
    }
}

#[test]
fn files_that_only_begin_like_a_picture_are_refused() {
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = |width: u32| png_chunk(b"IHDR", &[&width.to_be_bytes()[..], &[0, 0, 0, 1, 8, 2, 0, 0, 0]].concat());
    let chunks = |chunks: &[Vec<u8>]| [signature.clone(), chunks.concat()].concat();
    let (data, end) = (png_chunk(b"IDAT", &[0]), png_chunk(b"IEND", &[]));
    let extended = |flags: u8, width: u8| webp_chunk(b"VP8X", &[flags, 0, 0, 0, width - 1, 0, 0, 1, 0, 0]);
    let files = [
        ("no size", PNG, chunks(&[data.clone(), end.clone()])),
        ("two sizes", PNG, chunks(&[header(1), header(1), data.clone(), end.clone()])),
        ("no pixels", PNG, chunks(&[header(1), end.clone()])),
        ("a short header", PNG, chunks(&[png_chunk(b"IHDR", &[0; 12]), data.clone(), end.clone()])),
        ("no width", PNG, chunks(&[header(0), data.clone(), end.clone()])),
        ("too wide", PNG, chunks(&[header(MAX_SIDE + 1), data.clone(), end.clone()])),
        ("no scan", JPEG, [jpeg_segment(0xC0, &[8, 0, 1, 0, 1, 1, 1, 0x11, 0]), vec![0xFF, 0xD9]].concat()),
        ("no frame", JPEG, vec![0xFF, 0xD9]),
        ("a marker that has no place there", JPEG, vec![0xFF, 0xD0, 0xFF, 0xD9]),
        ("no marker", JPEG, vec![0xFF, 0xFE, 0, 2, 7, 7]),
        ("a segment without a length", JPEG, vec![0xFF, 0xFE, 0, 1, 0xFF, 0xD9]),
        ("no height", JPEG, jpeg(40, 0, &[])[2..].to_vec()),
        ("too high", JPEG, jpeg(40, 4_097, &[])[2..].to_vec()),
        ("animated", WEBP, webp(&[extended(0x02, 4), webp_chunk(b"ANIM", &[0; 6]), webp_chunk(b"ANMF", &[0; 16])])),
        ("frames without a header", WEBP, webp(&[webp_chunk(b"ANMF", &[0; 16])])),
        ("no image", WEBP, webp(&[extended(0, 4)])),
        ("two images", WEBP, webp(&[webp_pixels(4, 2), webp_pixels(4, 2)])),
        ("another canvas", WEBP, webp(&[extended(0, 5), webp_pixels(4, 2)])),
        ("no key frame", WEBP, webp(&[webp_chunk(b"VP8 ", &[0; 10])])),
        ("a damaged image", WEBP, webp(&[webp_chunk(b"VP8L", &[0; 10])])),
    ];
    for (what, claimed, file) in files {
        let file = if claimed == JPEG { [vec![0xFF, 0xD8], file].concat() } else { file };
        assert_eq!(refused(&file, claimed), "invalid_picture", "{what}");
    }
    let lossy = webp_chunk(b"VP8 ", &[0, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x41]);
    let picture = kept(&webp(&[lossy]), WEBP);
    assert_eq!((picture.width(), picture.height()), (640, 480));
    assert_eq!(kept(&webp(&[extended(0, 4), webp_pixels(4, 2)]), WEBP).width(), 4);
    assert_eq!(kept(&jpeg(4_096, 4_096, &[]), JPEG).height(), MAX_SIDE);
}

#[test]
fn only_what_is_kept_counts_for_the_size() {
    let with = |bytes: usize| {
        let whole = png(4, 3, 1);
        let (header, rest) = whole.split_at(8 + 25);
        // Twelve bytes of each chunk are not its data.
        [header, &png_chunk(b"IDAT", &vec![0; bytes - whole.len() - 12]), rest].concat()
    };
    assert_eq!(kept(&with(MAX_BYTES), PNG).bytes().len(), MAX_BYTES);
    let refused = CheckedPicture::new(&with(MAX_BYTES + 1), Some(PNG)).expect_err("refused");
    assert_eq!(refused, Rejection::PictureTooLarge { bytes: MAX_BYTES + 1, most: MAX_BYTES });
    let thumbnails = vec![jpeg_segment(0xE1, &[7; 60_000]); 5];
    assert!(kept(&jpeg(4, 3, &thumbnails), JPEG).bytes().len() < 100);
}

fn set(seed: u32, alt: Option<&str>) -> PictureCommand {
    PictureCommand::Set { picture: Arc::new(kept(&png(3, 2, seed), PNG)), alt: alt.map(str::to_owned) }
}

fn take_over(seed: u32) -> PictureCommand {
    PictureCommand::TakeOver { picture: Arc::new(kept(&png(3, 2, seed), PNG)), alt: None }
}

/// What the command leads to, after which it leads to nothing.
fn execute(state: &mut ShowPicture, command: PictureCommand) -> Result<Vec<Event>, Rejection> {
    let events = ShowPicture::decide(&show(), state, command.clone())?;
    *state = events.iter().fold(state.clone(), |state, event| ShowPicture::evolve(state, event, minute(0)));
    assert_eq!(ShowPicture::decide(&show(), state, command), Ok(vec![]), "twice");
    Ok(events)
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

#[test]
fn a_picture_is_set_replaced_and_removed_each_once() {
    let mut state = ShowPicture::default();
    assert_eq!(ShowPicture::stream(&show()), StreamName::picture(&show()));
    assert_eq!(execute(&mut state, PictureCommand::Remove), Ok(vec![]));
    let events = execute(&mut state, set(1, Some(" A mask  "))).unwrap();
    let [Event::ShowPictured(ShowPictured { alt, sha256, bytes, .. })] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((alt.as_deref(), sha256.len(), bytes.0.to_vec()), (Some("A mask"), 64, png(3, 2, 1)));
    assert_eq!(names(&execute(&mut state, set(1, None)).unwrap()), ["ShowPictured"]);
    assert_eq!(execute(&mut state, set(1, Some("  "))), Ok(vec![]));
    assert_eq!(names(&execute(&mut state, set(3, None)).unwrap()), ["ShowPictured"]);
    assert_eq!(state.shown.as_ref().map(|facts| (facts.revision, facts.width, facts.height)), Some((2, 3, 2)));
    assert_eq!(names(&execute(&mut state, PictureCommand::Remove).unwrap()), ["ShowPictureRemoved"]);
    assert_eq!((state.shown.as_ref(), state.events), (None, 4));
    assert_eq!(names(&execute(&mut state, set(3, None)).unwrap()), ["ShowPictured"]);
}

#[test]
fn a_copy_takes_over_a_picture_only_before_it_has_or_had_its_own() {
    let mut state = ShowPicture::default();
    assert_eq!(names(&execute(&mut state, take_over(1)).unwrap()), ["ShowPictured"]);
    assert_eq!(execute(&mut state, take_over(3)), Ok(vec![]));
    execute(&mut state, PictureCommand::Remove).unwrap();
    assert_eq!(execute(&mut state, take_over(3)), Ok(vec![]));
    assert_eq!(state.shown, None);
}

#[test]
fn alternative_text_is_one_short_line() {
    let longest = "x".repeat(MAX_ALT);
    execute(&mut ShowPicture::default(), set(1, Some(&longest))).unwrap();
    for bad in [format!("{longest}x"), "two\nlines".to_owned(), "\u{0}".to_owned()] {
        let refused = execute(&mut ShowPicture::default(), set(1, Some(&bad))).expect_err("refused");
        assert!(matches!(refused, Rejection::InvalidPicture { field: "alt", .. }), "{bad:?}: {refused:?}");
    }
}

#[test]
fn the_last_change_that_is_possible_leaves_a_removal() {
    let state = |events| ShowPicture { events, ..ShowPicture::default() };
    let mut last = state(MAX_CHANGES - 1);
    execute(&mut last, set(1, None)).unwrap();
    assert_eq!(execute(&mut last, set(3, None)), Err(Rejection::TooManyPictures { show: show(), most: MAX_CHANGES }));
    assert_eq!(names(&execute(&mut last, PictureCommand::Remove).unwrap()), ["ShowPictureRemoved"]);
    assert_eq!(execute(&mut last, PictureCommand::Remove), Ok(vec![]));
    assert_eq!(execute(&mut last, set(1, None)), Err(Rejection::TooManyPictures { show: show(), most: MAX_CHANGES }));
}

#[test]
fn an_event_that_was_applied_already_changes_nothing() {
    let mut state = ShowPicture::default();
    let first = execute(&mut state, set(1, None)).unwrap();
    execute(&mut state, PictureCommand::Remove).unwrap();
    let now = state.clone();
    state.apply(&first[0], 0);
    assert_eq!(state, now);
}

/// Bytes that begin like a picture, and files that were changed somewhere.
fn hostile() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let whole = prop_oneof![
        Just((JPEG, telling_jpeg(6))),
        Just((PNG, telling_png())),
        Just((WEBP, telling_webp())),
        Just((WEBP, webp(&[webp_pixels(4, 3)]))),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12);
    (whole, changes, any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(
        |((claimed, mut file), changes, end, more)| {
            // The first bytes stay, so that the readers are reached.
            for (at, byte) in changes {
                let at = 12 + at.index(file.len() - 12);
                file[at] = byte;
            }
            let end = 12 + end.index(file.len() - 11);
            file.truncate(end);
            (claimed, [file, more].concat())
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_bytes_come_what_is_kept_is_a_whole_picture_of_its_own_size((claimed, file) in hostile()) {
        if let Ok(picture) = CheckedPicture::new(&file, Some(claimed)) {
            // Which side is up takes 36 bytes.
            prop_assert!(picture.bytes().len() <= MAX_BYTES.min(file.len() + 36));
            prop_assert!((1..=MAX_SIDE).contains(&picture.width()) && (1..=MAX_SIDE).contains(&picture.height()));
            prop_assert_eq!(CheckedPicture::new(&picture.bytes(), Some(claimed)), Ok(picture));
        }
    }
}
