//! Lists with cursors, newest first.

use super::error::ApiError;
use super::params::Params;
use super::reply::Reply;
use lastseat_domain::Timestamp;
use serde_json::{Value, json};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// The parameters that every list takes.
pub const PARAMS: [&str; 4] = ["limit", "starting_after", "ending_before", "created"];

/// Something in a list.
pub trait Listed {
    fn id(&self) -> String;
    fn created(&self) -> Timestamp;
}

/// The page that `params` ask for, of `all`, which is newest first.
pub fn page<T: Listed>(params: &Params, path: &str, all: Vec<T>, render: impl Fn(&T) -> Value) -> Result<Reply, ApiError> {
    let limit = params.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!("Invalid integer: {limit}. limit is from 1 to {MAX_LIMIT}."))
            .code("parameter_invalid_integer")
            .param("limit"));
    }
    let limit = usize::try_from(limit).unwrap_or(1);
    let within = created_within(params)?;
    let all: Vec<T> = all.into_iter().filter(|item| within(item.created().timestamp())).collect();
    let find = |name: &str, id: &str| {
        let place = all.iter().position(|item| item.id() == id);
        place.ok_or_else(|| ApiError::not_found("object in this list", id, name))
    };
    let (shown, has_more) = match (params.filled("starting_after"), params.filled("ending_before")) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("Send starting_after or ending_before, not both.")),
        (Some(after), None) => first(&all, find("starting_after", after)? + 1, limit),
        (None, Some(before)) => {
            let end = find("ending_before", before)?;
            let start = end.saturating_sub(limit);
            (all.get(start..end).unwrap_or_default(), start > 0)
        }
        (None, None) => first(&all, 0, limit),
    };
    let data: Vec<Value> = shown.iter().map(render).collect();
    Ok(Reply::ok(json!({ "object": "list", "url": path, "has_more": has_more, "data": data })))
}

fn first<T>(all: &[T], start: usize, limit: usize) -> (&[T], bool) {
    let rest = all.get(start..).unwrap_or_default();
    (rest.get(..limit).unwrap_or(rest), rest.len() > limit)
}

/// `created=…` and `created[gte]=…`, in seconds.
fn created_within(params: &Params) -> Result<impl Fn(i64) -> bool, ApiError> {
    let [exact, gte, gt, lte, lt] = ["created", "created[gte]", "created[gt]", "created[lte]", "created[lt]"];
    let (exact, gte, gt) = (params.integer(exact)?, params.integer(gte)?, params.integer(gt)?);
    let (lte, lt) = (params.integer(lte)?, params.integer(lt)?);
    Ok(move |at: i64| {
        exact.is_none_or(|then| at == then)
            && gte.is_none_or(|then| at >= then)
            && gt.is_none_or(|then| at > then)
            && lte.is_none_or(|then| at <= then)
            && lt.is_none_or(|then| at < then)
    })
}
