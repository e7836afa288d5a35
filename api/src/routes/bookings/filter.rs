//! The query of a list of bookings: filters, page and format.

use super::shop_data::is_name;
use crate::auth::VoucherKeys;
use crate::problem::Problem;
use crate::routes::params::{Params, wrong};
use http::HeaderMap;
use http::header::ACCEPT;
use lastseat_domain::{BookingId, ShowId, Timestamp, VoucherHash};
use lastseat_projections::{BookingFilter, BookingStatus, TimeSpan};
use std::collections::BTreeMap;
use utoipa::IntoParams;

pub const CURSOR: &str = "the id of a booking of this list";
const TIME: &str = "a time as in RFC 3339, in UTC, such as 2026-11-20T14:00:00Z";
const METADATA: &str = "metadata[";
/// Most bookings of a list in CSV that has a limit.
const MOST_LINES: usize = 100_000;
/// Parameters of every list of bookings, besides `metadata[…]`.
const KNOWN: [&str; 13] = [
    "status",
    "buyer",
    "seat",
    "voucher",
    "reference",
    "under_review",
    "opened_from",
    "opened_to",
    "confirmed_from",
    "confirmed_to",
    "limit",
    "starting_after",
    "format",
];

/// The parameters of a list of bookings.
// Only described: they are read by `ListRequest`, which can say what is wrong with one.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only described, never built")]
pub struct ListQuery {
    /// Only with this status: `held`, `paying`, `action_required`, `confirmed`, `aborted` or `refunded`
    status: Option<String>,
    /// Only of this buyer: the `sub` of their token, or `guest:` and the booking's id
    buyer: Option<String>,
    /// Only with this seat of the show, such as `A-1`; in the list of all shows, together with `show`
    seat: Option<String>,
    /// Only with this voucher: its code, or the hash that bookings name
    voucher: Option<String>,
    /// Only with this reference of the shop
    reference: Option<String>,
    /// Only with this metadata of the shop: `metadata[campaign]=spring`. Up to 10, all of which have to be there
    #[param(style = DeepObject, explode)]
    metadata: Option<BTreeMap<String, String>>,
    /// `true`: only bookings whose payment is flagged, so that a person has to look at it; `false`: only the others
    #[param(value_type = Option<bool>)]
    under_review: Option<String>,
    /// Only if the hold began at this time or later
    #[param(value_type = Option<String>, format = DateTime)]
    opened_from: Option<String>,
    /// Only if the hold began before this time
    #[param(value_type = Option<String>, format = DateTime)]
    opened_to: Option<String>,
    /// Only if the money was taken at this time or later
    #[param(value_type = Option<String>, format = DateTime)]
    confirmed_from: Option<String>,
    /// Only if the money was taken before this time
    #[param(value_type = Option<String>, format = DateTime)]
    confirmed_to: Option<String>,
    /// Bookings on a page, 1 to 100; 20 if absent. In CSV 1 to 100000; all if absent
    #[param(minimum = 1, maximum = 100_000)]
    limit: Option<u32>,
    /// Id of the last booking of the page before
    #[param(value_type = Option<String>, format = Uuid)]
    starting_after: Option<String>,
    /// `json`, or `csv` for a spreadsheet. If absent, the header `Accept` decides
    format: Option<String>,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
}

/// A list of bookings as it was asked for.
#[derive(Debug)]
pub struct ListRequest {
    pub filter: BookingFilter,
    pub after: Option<BookingId>,
    pub limit: usize,
    pub format: Format,
}

impl ListRequest {
    /// Reads the query. With a show in the path there is no parameter `show`.
    ///
    /// # Errors
    /// 400 that names the parameter and says what it must be.
    pub fn read(keys: &VoucherKeys, params: &Params, headers: &HeaderMap, show: Option<ShowId>) -> Result<Self, Problem> {
        let is_of_one_show = show.is_some();
        let is_known = |name: &str| KNOWN.contains(&name) || name.starts_with(METADATA) || !is_of_one_show && name == "show";
        params.only(is_known)?;
        let show = match show {
            Some(show) => Some(show),
            None => params.value("show", "the id of a show")?,
        };
        if show.is_none() && params.text("seat").is_some() {
            return Err(wrong("seat", "sent together with `show`, because every show may have such a seat"));
        }
        let statuses = BookingStatus::ALL.map(BookingStatus::as_str).join(", ");
        let filter = BookingFilter {
            show,
            status: params.value("status", &format!("one of {statuses}"))?,
            buyer: params.value("buyer", "the name of a buyer's account, or `guest:` and a booking's id")?,
            seat: params.value("seat", "the label of a seat")?,
            voucher: voucher(keys, params)?,
            reference: params.text("reference").map(str::to_owned),
            metadata: metadata(params)?,
            under_review: params.value("under_review", "`true` or `false`")?,
            opened: span(params, "opened_from", "opened_to")?,
            confirmed: span(params, "confirmed_from", "confirmed_to")?,
        };
        let format = format(params, headers)?;
        let limit = match format {
            Format::Json => params.limit()?,
            Format::Csv => params.limit_of(usize::MAX, MOST_LINES)?,
        };
        Ok(Self { filter, after: params.value("starting_after", CURSOR)?, limit, format })
    }
}

fn voucher(keys: &VoucherKeys, params: &Params) -> Result<Option<VoucherHash>, Problem> {
    let Some(text) = params.text("voucher") else { return Ok(None) };
    let found = VoucherHash::new(text).ok().or_else(|| keys.voucher(text));
    found.map(Some).ok_or_else(|| wrong("voucher", "the code of a voucher, or its hash"))
}

fn metadata(params: &Params) -> Result<Vec<(String, String)>, Problem> {
    const MOST: usize = 10;
    let mut found = Vec::new();
    for (parameter, value) in params.all() {
        let Some(rest) = parameter.strip_prefix(METADATA) else { continue };
        match rest.strip_suffix(']').filter(|name| is_name(name)) {
            Some(name) => found.push((name.to_owned(), value.to_owned())),
            None => return Err(wrong(parameter, "written as `metadata[name]`, with a name that metadata can have")),
        }
    }
    if found.len() > MOST {
        return Err(wrong("metadata", &format!("at most {MOST} names")));
    }
    found.sort_unstable();
    Ok(found)
}

fn span(params: &Params, from: &str, to: &str) -> Result<TimeSpan, Problem> {
    let time = |name: &str| -> Result<Option<Timestamp>, Problem> {
        let Some(text) = params.text(name) else { return Ok(None) };
        chrono::DateTime::parse_from_rfc3339(text).map(|at| Some(at.to_utc())).map_err(|_| wrong(name, TIME))
    };
    let span = TimeSpan { from: time(from)?, to: time(to)? };
    match (span.from, span.to) {
        (Some(begin), Some(end)) if end <= begin => Err(wrong(to, &format!("later than `{from}`"))),
        _ => Ok(span),
    }
}

fn format(params: &Params, headers: &HeaderMap) -> Result<Format, Problem> {
    match params.text("format") {
        Some("json") => Ok(Format::Json),
        Some("csv") => Ok(Format::Csv),
        Some(_) => Err(wrong("format", "`json` or `csv`")),
        None if headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(prefers_csv) => Ok(Format::Csv),
        None => Ok(Format::Json),
    }
}

/// Whether a header `Accept` names CSV before JSON.
fn prefers_csv(accept: &str) -> bool {
    let mut types = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    types.find_map(|range| match range.to_ascii_lowercase().as_str() {
        "text/csv" => Some(true),
        "application/json" | "*/*" | "application/*" => Some(false),
        _ => None,
    }) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Code;
    use http::HeaderValue;

    fn read(query: &str, show: Option<&str>) -> Result<ListRequest, Problem> {
        let params = Params::of(&format!("/v1/bookings?{query}").parse().unwrap())?;
        ListRequest::read(&VoucherKeys::new(b"secret"), &params, &HeaderMap::new(), show.map(|show| show.parse().unwrap()))
    }

    fn refused(query: &str, show: Option<&str>) -> String {
        let problem = read(query, show).expect_err(query);
        assert_eq!(problem.code(), Code::InvalidParameter, "{query}");
        let body: serde_json::Value = serde_json::from_slice(&problem.to_json()).unwrap();
        body["parameter"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn every_filter_is_read() {
        let query = "show=gala&status=confirmed&buyer=anna&seat=A-1&reference=order%204711&metadata[campaign]=spring&\
                     metadata%5Bx%5D=&opened_from=2026-11-20T14:00:00Z&confirmed_to=2026-11-21T00:00:00%2B01:00&limit=7&under_review=true&\
                     starting_after=00000000-0000-0000-0000-000000000001";
        let ListRequest { filter, after, limit, format } = read(query, None).unwrap();
        assert_eq!(filter.show.unwrap().as_str(), "gala");
        assert_eq!((filter.status, filter.buyer.unwrap().as_str()), (Some(BookingStatus::Confirmed), "anna"));
        assert_eq!((filter.seat.unwrap().as_str(), filter.reference.as_deref()), ("A-1", Some("order 4711")));
        assert_eq!(filter.metadata, [("campaign".into(), "spring".into()), ("x".into(), String::new())]);
        assert_eq!((filter.opened.from, filter.opened.to), (Some("2026-11-20T14:00:00Z".parse().unwrap()), None));
        assert_eq!((filter.confirmed.from, filter.confirmed.to), (None, Some("2026-11-20T23:00:00Z".parse().unwrap())));
        assert_eq!(filter.under_review, Some(true));
        assert!(after.is_some() && limit == 7 && format == Format::Json);
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, parameter) in [
            ("status=sold", "status"),
            ("status=", "status"),
            ("buyer=two%20words", "buyer"),
            ("seat=A-1", "seat"),
            ("show=gala&seat=A%201", "seat"),
            ("show=GALA", "show"),
            ("opened_from=yesterday", "opened_from"),
            ("opened_from=2026-11-20", "opened_from"),
            ("opened_from=2026-11-20T14:00:00Z&opened_to=2026-11-20T14:00:00Z", "opened_to"),
            ("confirmed_to=", "confirmed_to"),
            ("metadata=x", "metadata"),
            ("metadata[a=x", "metadata[a"),
            ("metadata[a%20b]=x", "metadata[a b]"),
            ("metadata[]=x", "metadata[]"),
            ("limit=101", "limit"),
            ("format=csv&limit=100001", "limit"),
            ("format=xml", "format"),
            ("starting_after=x", "starting_after"),
            ("under_review=1", "under_review"),
            ("voucher=x", "voucher"),
            ("voucher=", "voucher"),
            ("state=held", "state"),
            ("status=held&status=paying", "status"),
        ] {
            assert_eq!(refused(query, None), parameter, "{query}");
        }
        assert_eq!(refused("show=gala", Some("demo")), "show");
        assert!(read("seat=A-1", Some("demo")).is_ok());
        let many = (0..11).map(|n| format!("metadata[k{n}]=x")).collect::<Vec<_>>().join("&");
        assert_eq!(refused(&many, None), "metadata");
    }

    #[test]
    fn csv_is_chosen_by_the_parameter_or_else_by_the_header() {
        let asked = |query: &str, accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            let params = Params::of(&format!("/x?{query}").parse().unwrap()).unwrap();
            ListRequest::read(&VoucherKeys::new(b"secret"), &params, &headers, None).unwrap().format
        };
        assert_eq!(asked("", "text/csv"), Format::Csv);
        assert_eq!(asked("", "text/html, TEXT/CSV;q=0.9, */*"), Format::Csv);
        assert_eq!(asked("", "application/json, text/csv"), Format::Json);
        assert_eq!(asked("", "*/*"), Format::Json);
        assert_eq!(asked("format=json", "text/csv"), Format::Json);
        assert_eq!(asked("format=csv", "application/json"), Format::Csv);
    }
}
