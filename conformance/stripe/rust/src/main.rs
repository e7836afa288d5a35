//! The whole flow of a payment against `lastseat sandbox`, with async-stripe's own client, unmodified.
//!
//!     lastseat-conformance-stripe PROGRAM
//!
//! Starts the program, and ends it.

mod flow;
mod hook;
mod sandbox;

use sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let program = std::env::args().nth(1).expect("the path of lastseat");
    let hook = hook::Hook::open().await;
    let sandbox = Sandbox::start(&program, &hook.url("hook"));
    let client = stripe::ClientBuilder::new("sk_test_conformance").url(sandbox.url()).build().unwrap();
    flow::idempotency(&client).await;
    flow::payment_and_refunds(&client).await;
    flow::bank(&client).await;
    flow::lists(&client).await;
    hook.whole_flow(sandbox::SECRET).await;
    hook.endpoint(&client).await;
    let live = stripe::ClientBuilder::new("sk_live_x").url(sandbox.url()).build().unwrap();
    flow::refuses_live_keys(&live).await;
    println!("{{\"sdk\": \"async-stripe 1.0.0-rc.10\", \"webhooks\": {}}}", hook.count());
}
