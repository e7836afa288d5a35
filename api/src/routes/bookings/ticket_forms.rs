//! The forms in which tickets are sent.

use crate::answer::Answer;
use crate::problem::{Code, Problem};
use crate::routes::params::{Params, wrong};
use crate::routes::wire::TicketsJson;
use crate::tickets::{self, PrintedShow, PrintedTicket, Qr};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, HeaderValue};
use http::{HeaderMap, StatusCode};
use lastseat_domain::show::Show;

/// Nothing in a ticket's page may run, and only this server's style is loaded.
const PAPER_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Html,
    Pdf,
    Svg,
    Png,
}

/// Of all tickets of a booking, and of one.
const ALL: &[Form] = &[Form::Json, Form::Html, Form::Pdf];
const ONE: &[Form] = &[Form::Json, Form::Html, Form::Pdf, Form::Svg, Form::Png];

impl Form {
    /// # Errors
    /// 400 for a format that there is not.
    pub fn of_all(params: &Params, headers: &HeaderMap) -> Result<Self, Problem> {
        Self::choose(params, headers, ALL, "`json`, `html` or `pdf`")
    }

    /// # Errors
    /// 400 for a format that there is not.
    pub fn of_one(params: &Params, headers: &HeaderMap) -> Result<Self, Problem> {
        Self::choose(params, headers, ONE, "`json`, `html`, `pdf`, `svg` or `png`")
    }

    /// As the query says, else the first of the header that there is, else JSON.
    fn choose(params: &Params, headers: &HeaderMap, offered: &[Self], rule: &str) -> Result<Self, Problem> {
        if let Some(name) = params.text("format") {
            return offered.iter().copied().find(|form| form.name() == name).ok_or_else(|| wrong("format", rule));
        }
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        let named = |media: &str| offered.iter().copied().find(|form| media.eq_ignore_ascii_case(form.media_type()));
        let media = |range: &str| range.split(';').next().and_then(|media| named(media.trim()));
        Ok(accepted.filter_map(media).next().unwrap_or(Self::Json))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
        }
    }
}

/// Tickets of one booking.
pub struct Sheet<'a> {
    pub show: &'a Show,
    pub tickets: TicketsJson,
}

impl Sheet<'_> {
    /// # Errors
    /// 500 if a picture can't be drawn.
    pub fn answer(self, form: Form) -> Result<Answer, Problem> {
        if form == Form::Json {
            return Ok(Answer::json(StatusCode::OK, &self.tickets));
        }
        let show = PrintedShow::of(self.show);
        let tickets: Vec<PrintedTicket> = self.tickets.into_printed();
        let bytes: Vec<u8> = match form {
            Form::Pdf => tickets::pdf(&show, &tickets),
            Form::Svg => code_of(&tickets)?.svg().into_bytes(),
            Form::Png => code_of(&tickets)?.png().map_err(|_| not_drawn())?,
            Form::Html | Form::Json => tickets::page(&show, &tickets).into_bytes(),
        };
        let media_type = match form {
            Form::Html => HeaderValue::from_static("text/html; charset=utf-8"),
            other => HeaderValue::from_static(other.media_type()),
        };
        let answer = Answer::new(StatusCode::OK, media_type, Bytes::from(bytes));
        Ok(match form {
            Form::Html => answer.header(CONTENT_SECURITY_POLICY, PAPER_POLICY),
            Form::Pdf => answer.header(CONTENT_DISPOSITION, HeaderValue::from_static("inline; filename=\"tickets.pdf\"")),
            _ => answer,
        })
    }
}

fn code_of(tickets: &[PrintedTicket]) -> Result<Qr, Problem> {
    tickets.first().and_then(|ticket| Qr::of(&ticket.code)).ok_or_else(not_drawn)
}

fn not_drawn() -> Problem {
    Problem::new(Code::Internal, "The server could not draw the ticket. Report this to the operator.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str, accept: &str) -> Result<Form, Problem> {
        let params = Params::of(&format!("/x?{query}").parse().unwrap()).unwrap_or_else(|_| panic!("{query}"));
        let headers = [(ACCEPT, accept.parse().unwrap())].into_iter().collect();
        Form::of_one(&params, &headers)
    }

    #[test]
    fn the_query_decides_before_the_header() {
        for (query, accept, form) in [
            ("", "", Form::Json),
            ("", "*/*", Form::Json),
            ("", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html),
            ("", "Application/PDF; q=0.9", Form::Pdf),
            ("", "image/webp, image/png", Form::Png),
            ("format=svg", "text/html", Form::Svg),
        ] {
            assert_eq!(chosen(query, accept).unwrap_or_else(|_| panic!("{query} {accept}")), form, "{query} {accept}");
        }
        assert!(chosen("format=gif", "text/html").is_err());
        let none = Params::of(&"/x?format=png".parse().unwrap()).unwrap_or_else(|_| panic!());
        assert!(Form::of_all(&none, &HeaderMap::new()).is_err(), "a picture has one code");
    }
}
