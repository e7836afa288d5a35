//! How the sandbox serves Stripe's API.

use super::disturbances::Disturbances;
use super::webhooks::WebhookOptions;

/// What is said about the version of the API if the client names none.
pub const API_VERSION: &str = "2026-08-26.dahlia";

/// How the sandbox serves Stripe's API.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where buyers' browsers reach this server, for the bank's page. By default, what the client calls it.
    pub public_url: Option<String>,
    pub disturbances: Disturbances,
    pub webhooks: WebhookOptions,
}
