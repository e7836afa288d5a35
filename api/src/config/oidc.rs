//! The settings of an OpenID provider belong together.

use super::settings::Config;

/// The issuer and the audience, if both are set.
///
/// # Errors
/// What is missing, as one line: without an audience, tokens for any other program of the provider would be accepted.
pub fn provider(config: &Config) -> Result<Option<(String, String)>, String> {
    match (&config.oidc_issuer, &config.oidc_audience) {
        (Some(issuer), Some(audience)) => Ok(Some((issuer.clone(), audience.clone()))),
        (Some(_), None) => {
            Err("oidc_issuer needs oidc_audience: what the provider's tokens for this server have in their claim \
                                `aud`"
                .to_owned())
        }
        (None, None) if config.oidc_role.is_empty() => Ok(None),
        (None, _) => Err("oidc_audience and oidc_role need oidc_issuer: the provider whose tokens they are about".to_owned()),
    }
}
