//! `/v1/account`, `/v1/balance`

use crate::stripe::api::Api;
use crate::stripe::call::Call;
use crate::stripe::error::{ApiError, Handled};
use crate::stripe::objects;
use crate::stripe::reply::Reply;
use axum::extract::State;
use std::sync::Arc;

/// `GET /v1/account`
pub async fn account(call: Call) -> Handled {
    call.server_only()?;
    Ok(Reply::ok(objects::account()))
}

/// `GET /v1/balance`
pub async fn balance(State(api): State<Arc<Api>>, call: Call) -> Handled {
    call.server_only()?;
    let kept = api.sandbox.balance().await.map_err(ApiError::from)?;
    Ok(Reply::ok(objects::balance(&kept)))
}
