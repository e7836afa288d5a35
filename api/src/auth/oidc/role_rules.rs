//! What the roles or groups of a provider mean here.

use crate::auth::role::Role;
use serde_json::{Map, Value};
use std::fmt;

/// A role, and the value of the claim that gives it: `manager=shop-managers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    role: Role,
    value: String,
}

impl RoleRule {
    /// Rules with commas between; `None` if one of them is none.
    #[must_use]
    pub fn list(text: &str) -> Option<Vec<Self>> {
        text.split(',').map(|rule| Self::of(rule.trim())).collect()
    }

    fn of(text: &str) -> Option<Self> {
        let (role, value) = text.split_once('=')?;
        let (role, value) = (role.trim().parse().ok()?, value.trim().to_owned());
        (!value.is_empty()).then_some(Self { role, value })
    }
}

impl fmt::Display for RoleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.role.name(), self.value)
    }
}

/// The role of the first rule whose value the claim has. A claim is a text or a list of texts.
pub(super) fn role_of(claims: &Map<String, Value>, claim: &str, rules: &[RoleRule]) -> Role {
    let found = find(claims, claim);
    let has = |value: &str| match found {
        Some(Value::String(only)) => only == value,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(value)),
        _ => false,
    };
    rules.iter().find(|rule| has(&rule.value)).map_or(Role::Buyer, |rule| rule.role)
}

/// The claim of that name, which may have dots of its own, or else the one that its dots lead to.
fn find<'a>(claims: &'a Map<String, Value>, claim: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(claim) {
        return Some(found);
    }
    let (outer, inner) = claim.split_once('.')?;
    find(claims.get(outer)?.as_object()?, inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_rule_that_fits_counts_and_without_one_it_is_a_buyer() {
        let rules = RoleRule::list("admin=ops, manager=shop managers,staff=tills").unwrap();
        let role = |claims: Value, claim: &str| role_of(claims.as_object().unwrap(), claim, &rules);
        assert_eq!(role(json!({"roles": ["tills", "ops"]}), "roles"), Role::Admin);
        assert_eq!(role(json!({"roles": "shop managers"}), "roles"), Role::Manager);
        assert_eq!(role(json!({"realm_access": {"roles": ["tills"]}}), "realm_access.roles"), Role::Staff);
        assert_eq!(role(json!({"https://shop.example/roles": ["tills"]}), "https://shop.example/roles"), Role::Staff);
        for nothing in [
            json!({}),
            json!({"roles": []}),
            json!({"roles": null}),
            json!({"roles": ["Ops", "shop", "tills "]}),
            json!({"roles": {"ops": true}}),
            json!({"roles": [["ops"]]}),
            json!({"roles": "ops tills"}),
            json!({"groups": ["ops"]}),
        ] {
            assert_eq!(role(nothing.clone(), "roles"), Role::Buyer, "{nothing}");
        }
    }

    #[test]
    fn a_rule_is_a_role_and_a_value() {
        let shown = |text: &str| RoleRule::list(text).map(|rules| rules.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shown("manager=a=b , buyer=c").unwrap(), ["manager=a=b", "buyer=c"]);
        for bad in ["", "manager", "manager=", "boss=a", "manager=a,"] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }
}
