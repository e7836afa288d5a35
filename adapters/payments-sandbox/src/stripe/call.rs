//! A request, once it is known who sends it.

use super::disturbances::InjectedFaults;
use super::error::ApiError;
use super::params::Params;
use uuid::Uuid;

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The shop's server, with its secret key.
    Server,
    /// A buyer's browser, with the publishable key: it may do what the client secret of an intent allows.
    Browser,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub params: Params,
    pub role: Role,
    /// The idempotency key.
    pub key: Option<String>,
    pub path: String,
    pub faults: InjectedFaults,
    /// Where this server is, as the client sees it.
    pub base: String,
}

impl Call {
    pub fn fingerprint(&self) -> Uuid {
        self.params.fingerprint(&self.path)
    }

    /// A browser may only do what needs no more than an intent's client secret.
    pub fn server_only(&self) -> Result<(), ApiError> {
        match self.role {
            Role::Server => Ok(()),
            Role::Browser => Err(ApiError::unauthorized(
                "This API call cannot be made with a publishable API key. Please use a secret API key.",
            )
            .code("secret_key_required")),
        }
    }
}
