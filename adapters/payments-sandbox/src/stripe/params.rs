//! A request's parameters: a form in Stripe's style, with brackets in the names.
//!
//! They are kept flat, under the names that were sent (`metadata[show]`, `expand[]`): Stripe names a parameter
//! that is wrong in the same way.

use super::error::ApiError;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Stripe's limits for metadata.
const MAX_METADATA: usize = 50;
const MAX_METADATA_NAME: usize = 40;
const MAX_METADATA_VALUE: usize = 500;

#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query or a form; further ones add to it.
    pub fn add(&mut self, form: &[u8]) {
        self.0.extend(form_urlencoded::parse(form).map(|(name, value)| (name.into_owned(), value.into_owned())));
    }

    /// The value; the last one if it was sent twice.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }

    /// A value that is not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|value| !value.is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.filled(name).ok_or_else(|| ApiError::missing(name))
    }

    pub fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let invalid = |value: &str| ApiError::invalid(format!("Invalid integer: {}", value.chars().take(40).collect::<String>()));
        let parse = |value: &str| value.parse().map_err(|_| invalid(value).code("parameter_invalid_integer").param(name));
        self.filled(name).map(parse).transpose()
    }

    pub fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.filled(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ApiError::invalid("Invalid boolean: send true or false").param(name)),
        }
    }

    /// The values of `name[]`, `name[0]`, …
    pub fn list(&self, name: &str) -> Vec<&str> {
        let of_list = |sent: &str| sent.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
        self.0.iter().filter(|(sent, _)| of_list(sent)).map(|(_, value)| value.as_str()).collect()
    }

    /// The entries of `metadata[…]`.
    pub fn metadata(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let entry = |sent: &str| sent.strip_prefix("metadata[")?.strip_suffix(']').map(str::to_owned);
        let metadata: BTreeMap<_, _> = self.0.iter().filter_map(|(sent, value)| Some((entry(sent)?, value.clone()))).collect();
        for (name, value) in &metadata {
            let too_long = name.chars().count() > MAX_METADATA_NAME || value.chars().count() > MAX_METADATA_VALUE;
            if too_long || name.contains(['[', ']']) {
                let message = format!(
                    "Metadata keys have at most {MAX_METADATA_NAME} characters without brackets, and values at most {MAX_METADATA_VALUE}."
                );
                return Err(ApiError::invalid(message).param("metadata"));
            }
        }
        if metadata.len() > MAX_METADATA {
            return Err(ApiError::invalid(format!("Metadata has at most {MAX_METADATA} keys.")).param("metadata"));
        }
        Ok(metadata)
    }

    /// Refuses parameters that are none of these, `expand` or a credential.
    pub fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let root = |sent: &'_ str| sent.split('[').next().unwrap_or_default().to_owned();
        let is_known = |root: &str| ["expand", "key", "client_secret"].contains(&root) || known.contains(&root);
        match self.0.iter().map(|(sent, _)| root(sent)).find(|root| !is_known(root)) {
            None => Ok(()),
            Some(unknown) => {
                let unknown: String = unknown.chars().take(80).collect();
                Err(ApiError::invalid(format!("Received unknown parameter: {unknown}")).code("parameter_unknown").param(&unknown))
            }
        }
    }

    /// Equal for equal parameters, in whatever order.
    pub fn fingerprint(&self, path: &str) -> Uuid {
        let mut sorted: Vec<_> = self.0.iter().filter(|(name, _)| name != "key").collect();
        sorted.sort();
        let text = form_urlencoded::Serializer::new(format!("{path}?")).extend_pairs(sorted).finish();
        Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        let mut params = Params::default();
        params.add(form.as_bytes());
        params
    }

    #[test]
    fn brackets_make_lists_and_maps() {
        let sent = params("expand[]=latest_charge&expand%5B%5D=a&expand[0]=b&metadata[show]=s%20t&metadata[x]=&expanded=no");
        assert_eq!(sent.list("expand"), ["latest_charge", "a", "b"]);
        let metadata = sent.metadata().unwrap();
        assert_eq!(metadata.get("show").map(String::as_str), Some("s t"));
        assert_eq!(metadata.len(), 2);
        assert_eq!(sent.only(&["metadata"]).unwrap_err().param.as_deref(), Some("expanded"));
        assert!(sent.only(&["metadata", "expanded"]).is_ok());
    }

    #[test]
    fn order_does_not_count_and_values_do() {
        let print = |form| params(form).fingerprint("/v1/refunds");
        assert_eq!(print("a=1&b=2"), print("b=2&a=1"));
        assert_ne!(print("a=1&b=2"), print("a=1&b=3"));
        assert_ne!(print("a=1%26b=2"), print("a=1&b=2"));
    }

    #[test]
    fn metadata_has_limits() {
        assert!(params(&format!("metadata[a]={}", "x".repeat(500))).metadata().is_ok());
        assert!(params(&format!("metadata[a]={}", "x".repeat(501))).metadata().is_err());
        assert!(params(&format!("metadata[{}]=x", "a".repeat(41))).metadata().is_err());
    }
}
