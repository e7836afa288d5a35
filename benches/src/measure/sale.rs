//! A show on sale, and what a buyer does.

use crate::client::{Connection, post};
use crate::outcome::Outcome;
use crate::server::Server;
use serde_json::json;
use std::sync::Arc;

/// Puts a show on sale: row A of ten seats, and a floor.
pub(super) async fn schedule(server: &Server, show: &str, places: u32) -> Outcome<()> {
    let areas = json!([
        {"area": "stalls", "category": "any", "rows": [{"row": "A", "seats": 10}]},
        {"area": "floor", "category": "any", "capacity": places}
    ]);
    schedule_areas(server, show, areas).await
}

/// Puts a show on sale: row A of so many seats.
pub(super) async fn schedule_rows(server: &Server, show: &str, seats: usize) -> Outcome<()> {
    let areas = json!([{"area": "stalls", "category": "any", "rows": [{"row": "A", "seats": seats}]}]);
    schedule_areas(server, show, areas).await
}

async fn schedule_areas(server: &Server, show: &str, areas: serde_json::Value) -> Outcome<()> {
    let body = json!({
        "id": show, "title": "A measurement", "currency": "EUR", "hold_seconds": 3600,
        "categories": [{"category": "any", "price": 1000}],
        "areas": areas,
    });
    let request = post("/v1/shows", Some(&server.token), &body.to_string());
    let mut connection = Connection::open(server.address).await?;
    let answer = connection.send(&request).await?;
    if answer.status == 201 { Ok(()) } else { Err(format!("no show: {}", String::from_utf8_lossy(answer.body)).into()) }
}

/// A hold of any place of the floor by one of the buyers. Guests may not hold so many.
pub(super) fn hold_request(server: &Server, buyer: usize, show: &str) -> Arc<[u8]> {
    let buyer = server.buyers.get(buyer % server.buyers.len().max(1)).map(String::as_str);
    post(&format!("/v1/shows/{show}/bookings"), buyer, r#"{"area":"floor","quantity":1}"#).into()
}

/// Holds a place, and pays for it if that is asked for.
pub(super) async fn buy(connection: &mut Connection, hold: &[u8], pay: bool) -> Outcome<()> {
    let answer = connection.send(hold).await?;
    if answer.status != 201 {
        return Err(format!("a hold was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
    }
    if !pay {
        return Ok(());
    }
    let (Some(id), Some(token)) = (answer.text("id"), answer.text("token")) else { return Err("a hold without id".into()) };
    let pay = post(&format!("/v1/bookings/{id}/payment"), Some(&token), r#"{"payment_method":"pm_card_visa"}"#);
    let answer = connection.send(&pay).await?;
    if answer.status != 200 {
        return Err(format!("a payment was answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
    }
    Ok(())
}
