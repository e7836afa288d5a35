//! Tickets as a PDF, one on each page of A6.
//!
//! Its fonts are those that every reader brings along, which know Western European letters; others are printed as `?`.
//! The page of HTML prints all.

use super::page::lines;
use super::printed::{PrintedShow, PrintedTicket};
use super::qr::Qr;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

const PLAIN: Name<'_> = Name(b"P");
const BOLD: Name<'_> = Name(b"B");
const FIXED: Name<'_> = Name(b"F");
/// A6, in points.
const WIDTH: f32 = 298.0;
const HEIGHT: f32 = 420.0;
const LEFT: f32 = 24.0;
/// From edge to edge of the QR code.
const QR_SIZE: f32 = 176.0;

/// The ids of the objects that all pages share.
struct Shared {
    catalog: Ref,
    pages: Ref,
    fonts: [(Name<'static>, &'static [u8], Ref); 3],
}

/// All tickets.
#[must_use]
pub fn pdf(show: &PrintedShow, tickets: &[PrintedTicket]) -> Vec<u8> {
    let mut next = Ref::new(1);
    let shared = Shared {
        catalog: next.bump(),
        pages: next.bump(),
        fonts: [(PLAIN, b"Helvetica", next.bump()), (BOLD, b"Helvetica-Bold", next.bump()), (FIXED, b"Courier", next.bump())],
    };
    let info = next.bump();
    let pages: Vec<(Ref, Ref)> = tickets.iter().map(|_| (next.bump(), next.bump())).collect();
    let mut file = Pdf::new();
    file.catalog(shared.catalog).pages(shared.pages);
    file.document_info(info).title(TextStr(&show.title)).producer(TextStr("lastseat"));
    file.pages(shared.pages).kids(pages.iter().map(|(page, _)| *page)).count(i32::try_from(tickets.len()).unwrap_or(i32::MAX));
    for (_, font, id) in &shared.fonts {
        file.type1_font(*id).base_font(Name(font)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for ((page, content), ticket) in pages.into_iter().zip(tickets) {
        add_page(&mut file, &shared, page, content);
        file.stream(content, &drawn(show, ticket));
    }
    file.finish()
}

fn add_page(file: &mut Pdf, shared: &Shared, page: Ref, content: Ref) {
    let mut page = file.page(page);
    page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(shared.pages).contents(content);
    let mut resources = page.resources();
    let mut fonts = resources.fonts();
    for (name, _, id) in &shared.fonts {
        fonts.pair(*name, *id);
    }
    fonts.finish();
    resources.finish();
}

/// Text from the top, the QR code at the bottom with its letters below it.
fn drawn(show: &PrintedShow, ticket: &PrintedTicket) -> Vec<u8> {
    let mut content = Content::new();
    let mut y = HEIGHT - 16.0;
    // A line's letters are above its place: it goes down by its own size, not by that of the line before it.
    let mut print = |content: &mut Content, (font, size): (Name<'_>, f32), (letters, most): (usize, usize), text: &str| {
        for line in wrapped(text, letters).into_iter().take(most) {
            y -= size * 1.3;
            write_line(content, font, size, y, &line);
        }
    };
    print(&mut content, (BOLD, 15.0), (30, 2), &show.title);
    for line in lines(show) {
        print(&mut content, (PLAIN, 9.0), (54, 1), &line);
    }
    print(&mut content, (PLAIN, 5.0), (1, 1), "");
    print(&mut content, (BOLD, 13.0), (34, 2), &ticket.seat_in_words());
    print(&mut content, (PLAIN, 9.0), (54, 1), &ticket.kind());
    let code = wrapped(&ticket.code, 58);
    let below = f32::from(u8::try_from(code.len()).unwrap_or(u8::MAX)) * 8.0 + 20.0;
    if let Some(qr) = Qr::of(&ticket.code) {
        draw_qr(&mut content, &qr, below);
    }
    for (line, place) in code.iter().rev().zip(0_u8..) {
        write_line(&mut content, FIXED, 7.0, 20.0 + f32::from(place) * 8.0, line);
    }
    content.finish().to_vec()
}

fn write_line(content: &mut Content, font: Name<'_>, size: f32, y: f32, text: &str) {
    content.begin_text().set_font(font, size).next_line(LEFT, y).show(Str(&in_win_ansi(text))).end_text();
}

fn draw_qr(content: &mut Content, qr: &Qr, bottom: f32) {
    let number = |n: usize| f32::from(u16::try_from(n).unwrap_or(u16::MAX));
    let module = QR_SIZE / number(qr.size());
    let (left, top) = ((WIDTH - QR_SIZE) / 2.0, bottom + QR_SIZE);
    for (x, y, run) in qr.runs() {
        content.rect(left + number(x) * module, top - number(y + 1) * module, number(run) * module, module);
    }
    content.fill_nonzero();
}

/// In lines of so many letters, broken at spaces where there are some.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let Some(line) = lines.last_mut() else { break };
            let gap = usize::from(!line.is_empty());
            let room = letters.saturating_sub(line.chars().count() + gap);
            if word.len() > room && (gap > 0 || room == 0) {
                lines.push(String::new());
                continue;
            }
            line.extend(std::iter::repeat_n(' ', gap));
            line.extend(word.drain(..word.len().min(room)));
        }
    }
    lines
}

/// In the encoding of the fonts.
fn in_win_ansi(text: &str) -> Vec<u8> {
    let letter = |c: char| match c {
        '€' => 0x80,
        '…' => 0x85,
        'Š' => 0x8a,
        'Œ' => 0x8c,
        'Ž' => 0x8e,
        '‘' => 0x91,
        '’' => 0x92,
        '“' => 0x93,
        '”' => 0x94,
        '•' => 0x95,
        '–' => 0x96,
        '—' => 0x97,
        '™' => 0x99,
        'š' => 0x9a,
        'œ' => 0x9c,
        'ž' => 0x9e,
        'Ÿ' => 0x9f,
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        _ => b'?',
    };
    text.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrapped("a bcdefghij", 4), ["a", "bcde", "fghi", "j"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn letters_are_those_of_the_fonts() {
        assert_eq!(in_win_ansi("Café – 5 €"), b"Caf\xe9 \x96 5 \x80");
        assert_eq!(in_win_ansi("Žižek, 東京"), b"\x8ei\x9eek, ??");
    }
}
