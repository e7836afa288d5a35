//! Parses JSON bodies; a refusal says where and why. A correct body is parsed once and pays nothing for
//! that.

use crate::problem::{Code, Problem};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

/// Members in which clients try to send a price.
const PRICES: &[&str] = &[
    "price",
    "prices",
    "unit_price",
    "amount",
    "total",
    "total_price",
    "cost",
    "value",
    "currency",
    "discount",
    "fee",
    "fees",
    "tax",
];

/// # Errors
/// 400 for what is not JSON, 422 for JSON of another form.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match explain::<T>(body, &error) {
        Wrong::NotJson(problem) => problem,
        Wrong::Form { path, why, .. } => wrong_form(path, &why),
    })
}

/// Parses what a buyer asks for. `max` is the largest quantity, for the detail of the problem.
///
/// # Errors
/// As [`parse`]; prices and quantities have their own problems.
pub fn parse_order<T: DeserializeOwned>(body: &[u8], max: impl FnOnce() -> u32) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match explain::<T>(body, &error) {
        Wrong::NotJson(problem) => problem,
        Wrong::Form { path, why, value } => {
            if let Some(field) = price_in(&value) {
                let detail = format!("Prices come from the show, never from the client. Leave out `{field}`.");
                return Problem::new(Code::PriceNotAccepted, detail).fact("field", field);
            }
            if path == "quantity" || path.ends_with(".quantity") {
                return wrong_quantity(max()).fact("field", path);
            }
            wrong_form(path, &why)
        }
    })
}

/// The refusal of a quantity that is not a possible number.
#[must_use]
pub fn wrong_quantity(max: u32) -> Problem {
    Problem::new(Code::InvalidQuantity, format!("The quantity must be a whole number from 1 to {max}.")).fact("most", max)
}

enum Wrong {
    NotJson(Problem),
    Form { path: String, why: String, value: Value },
}

#[cold]
fn explain<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Wrong {
    // What is not JSON at all is reported as such, even if the parser found a wrong form first.
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => return Wrong::NotJson(not_json(body, &error)),
    };
    if error.classify() != Category::Data {
        return Wrong::NotJson(not_json(body, error));
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let (path, why) = match serde_path_to_error::deserialize::<_, T>(&mut parser) {
        Err(error) => (error.path().to_string(), error.inner().to_string()),
        Ok(_) => (".".to_owned(), error.to_string()),
    };
    Wrong::Form { path, why, value }
}

fn wrong_form(path: String, why: &str) -> Problem {
    let why = without_place(why);
    if path == "." {
        return Problem::new(Code::InvalidRequest, format!("The body does not have the expected form: {why}."));
    }
    Problem::new(Code::InvalidRequest, format!("`{path}` does not have the expected form: {why}.")).fact("field", path)
}

fn not_json(body: &[u8], error: &serde_json::Error) -> Problem {
    let detail = if body.is_empty() {
        "The body is empty. Send a JSON object.".to_owned()
    } else {
        format!("The body is not JSON: {error}.")
    };
    Problem::new(Code::InvalidJson, detail).fact("line", error.line()).fact("column", error.column())
}

/// The parser's sentence without its "at line 1 column 2": the problem names the field already.
fn without_place(text: &str) -> &str {
    text.rsplit_once(" at line ").map_or(text, |(text, _)| text)
}

/// The first member at any depth that is named like a price.
fn price_in(value: &Value) -> Option<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .find_map(|(name, value)| if PRICES.contains(&name.as_str()) { Some(name.as_str()) } else { price_in(value) }),
        Value::Array(items) => items.iter().find_map(price_in),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        #[serde(default)]
        seats: Vec<String>,
        quantity: Option<u32>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        quantity: u32,
    }

    fn refused(body: &[u8]) -> (&'static str, Value) {
        let problem = parse_order::<Order>(body, || 10).expect_err("refused");
        (problem.code().text(), serde_json::from_slice(&problem.to_json()).unwrap())
    }

    #[test]
    fn a_correct_body_is_parsed() {
        let read: Order = parse(br#"{"seats":["A-1"],"quantity":2,"inner":{"quantity":3}}"#).unwrap();
        assert_eq!((read.seats.len(), read.quantity, read.inner.unwrap().quantity), (1, Some(2), 3));
    }

    #[test]
    fn a_body_that_is_not_json_is_a_400_with_line_and_column() {
        let deep = "[".repeat(100_000);
        for bad in
            [&b""[..], b"{", b"nothing", b"{\"seats\":[\"\xff\"]}", b"{} {}", b"{'a':1}", deep.as_bytes(), b"\xef\xbb\xbf{}"]
        {
            let (code, body) = refused(bad);
            assert_eq!(code, "invalid_json", "{:?}", String::from_utf8_lossy(bad.get(..20).unwrap_or(bad)));
            assert!(body["line"].is_u64() && body["column"].is_u64());
        }
        let (_, body) = refused(b"{\n  \"seats\": oops\n}");
        assert_eq!((&body["line"], &body["column"]), (&2.into(), &12.into()));
    }

    #[test]
    fn json_of_another_form_is_a_422_with_its_field() {
        assert_eq!(refused(br#"{"seats":["A-1",7]}"#).1["field"], "seats[1]");
        for bad in [&br#"{"seats":"A-1"}"#[..], b"[]", b"null", b"7", br#"{"nonsense":1}"#, br#"{"seats":[],"seats":[]}"#] {
            assert_eq!(refused(bad).0, "invalid_request", "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn an_impossible_quantity_is_refused_with_the_maximum() {
        for bad in ["-5", "1.5", "\"3\"", "9223372036854775808", "4294967296", "[]", "true", "1e3"] {
            let (code, body) = refused(format!("{{\"quantity\":{bad}}}").as_bytes());
            assert_eq!(code, "invalid_quantity", "{bad}");
            assert_eq!(body["most"], 10);
            assert_eq!(refused(format!("{{\"inner\":{{\"quantity\":{bad}}}}}").as_bytes()).0, "invalid_quantity", "{bad}");
        }
    }

    #[test]
    fn a_price_is_refused_at_any_depth() {
        for bad in [r#"{"price":0}"#, r#"{"seats":["A-1"],"amount":{"x":1}}"#, r#"{"seats":[{"seat":"A-1","price":1}]}"#] {
            assert_eq!(refused(bad.as_bytes()).0, "price_not_accepted", "{bad}");
        }
    }
}
