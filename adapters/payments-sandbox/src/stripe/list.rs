//! Lists with cursors, newest first.

use super::error::ApiError;
use super::params::Params;
use super::reply::Reply;
use lastseat_domain::Timestamp;
use serde_json::{Value, json};
use std::ops::RangeInclusive;

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// The parameters that every list takes.
pub const PARAMS: [&str; 4] = ["limit", "starting_after", "ending_before", "created"];

/// Something in a list.
pub trait Listed {
    fn id(&self) -> String;
    fn created(&self) -> Timestamp;
}

/// What part of a list a call asks for.
pub struct Asked<'a> {
    pub limit: usize,
    /// Seconds since 1970.
    pub created: RangeInclusive<i64>,
    pub cursor: Option<Cursor<'a>>,
}

/// One end of a page, by its parameter and the name of an item.
#[derive(Clone, Copy)]
pub enum Cursor<'a> {
    After(&'a str),
    Before(&'a str),
}

impl Cursor<'_> {
    /// There is no such item in the list.
    pub fn unknown(self) -> ApiError {
        match self {
            Self::After(id) => ApiError::not_found("object in this list", id, "starting_after"),
            Self::Before(id) => ApiError::not_found("object in this list", id, "ending_before"),
        }
    }
}

/// What these parameters ask for.
pub fn asked(params: &Params) -> Result<Asked<'_>, ApiError> {
    let limit = params.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!("Invalid integer: {limit}. limit is from 1 to {MAX_LIMIT}."))
            .code("parameter_invalid_integer")
            .param("limit"));
    }
    let cursor = match (params.filled("starting_after"), params.filled("ending_before")) {
        (Some(_), Some(_)) => return Err(ApiError::invalid("Send starting_after or ending_before, not both.")),
        (after, before) => after.map(Cursor::After).or(before.map(Cursor::Before)),
    };
    Ok(Asked { limit: usize::try_from(limit).unwrap_or(1), created: created_within(params)?, cursor })
}

/// A page of a list.
pub fn reply(path: &str, data: Vec<Value>, has_more: bool) -> Reply {
    Reply::ok(json!({ "object": "list", "url": path, "has_more": has_more, "data": data }))
}

/// The page that `params` ask for, of `all`, which is newest first.
pub fn page<T: Listed>(params: &Params, path: &str, all: Vec<T>, render: impl Fn(&T) -> Value) -> Result<Reply, ApiError> {
    let Asked { limit, created, cursor } = asked(params)?;
    let all: Vec<T> = all.into_iter().filter(|item| created.contains(&item.created().timestamp())).collect();
    let find = |cursor: Cursor<'_>, id: &str| all.iter().position(|item| item.id() == id).ok_or_else(|| cursor.unknown());
    let (shown, has_more) = match cursor {
        Some(cursor @ Cursor::After(id)) => first(&all, find(cursor, id)? + 1, limit),
        Some(cursor @ Cursor::Before(id)) => {
            let end = find(cursor, id)?;
            let start = end.saturating_sub(limit);
            (all.get(start..end).unwrap_or_default(), start > 0)
        }
        None => first(&all, 0, limit),
    };
    Ok(reply(path, shown.iter().map(render).collect(), has_more))
}

fn first<T>(all: &[T], start: usize, limit: usize) -> (&[T], bool) {
    let rest = all.get(start..).unwrap_or_default();
    (rest.get(..limit).unwrap_or(rest), rest.len() > limit)
}

/// `created=…` and `created[gte]=…`, in seconds.
fn created_within(params: &Params) -> Result<RangeInclusive<i64>, ApiError> {
    let exact = params.integer("created")?;
    let from = [exact, params.integer("created[gte]")?, params.integer("created[gt]")?.map(|at| at.saturating_add(1))];
    let until = [exact, params.integer("created[lte]")?, params.integer("created[lt]")?.map(|at| at.saturating_sub(1))];
    let (from, until) = (from.into_iter().flatten().max(), until.into_iter().flatten().min());
    Ok(from.unwrap_or(i64::MIN)..=until.unwrap_or(i64::MAX))
}
