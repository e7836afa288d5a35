//! Tickets as a page to print. It needs no script, and its style comes from this server.

use super::printed::{PrintedShow, PrintedTicket};
use super::qr::Qr;
use std::fmt::{self, Write as _};

/// A text of others, as markup: none of it can be a tag or end an attribute.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            other => f.write_char(other),
        })
    }
}

/// All tickets, one on each printed page.
#[must_use]
pub fn page(show: &PrintedShow, tickets: &[PrintedTicket]) -> String {
    let title = Text(&show.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Tickets: {title}</title>\n\
         <link rel=\"stylesheet\" href=\"/assets/tickets.css\">\n</head>\n<body>\n"
    );
    for ticket in tickets {
        // Writing to a string can't fail.
        let _infallible = section(&mut html, show, ticket);
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn section(html: &mut String, show: &PrintedShow, ticket: &PrintedTicket) -> fmt::Result {
    write!(html, "<section class=\"ticket\">\n<h1>{}</h1>\n", Text(&show.title))?;
    for line in lines(show) {
        writeln!(html, "<p>{}</p>", Text(&line))?;
    }
    write!(html, "<p class=\"seat\">{}</p>\n<p>{}</p>\n", Text(&ticket.seat_in_words()), Text(&ticket.kind()))?;
    html.push_str(&Qr::of(&ticket.code).map(|qr| qr.svg()).unwrap_or_default());
    write!(html, "\n<p class=\"code\">{}</p>\n</section>\n", Text(&ticket.code))
}

/// Where and when.
pub(super) fn lines(show: &PrintedShow) -> Vec<String> {
    let doors = show.doors.as_ref().map(|doors| format!("Doors open: {doors}"));
    [show.starts.clone(), show.venue.clone(), doors].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tickets::Place;

    #[test]
    fn what_others_wrote_stays_text() {
        let show = PrintedShow {
            title: "<script>alert(\"1\")</script> & 'friends'".to_owned(),
            venue: Some("<b>Hall</b>".to_owned()),
            starts: None,
            doors: None,
        };
        let place = Place { category: Some("front".to_owned()), ..Place::default() };
        let ticket = PrintedTicket { seat: "A-1".to_owned(), place, price_type: None, code: "ABC".to_owned() };
        let html = page(&show, &[ticket]);
        assert!(!html.contains("<script") && !html.contains("<b>") && !html.contains("style="), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;friends&#39;"), "{html}");
        assert!(html.contains("<svg ") && html.contains("Seat A-1") && html.contains("front"), "{html}");
    }
}
