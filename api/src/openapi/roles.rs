//! Who an operation is for: what the table of routes says, put into the document.

use super::problems;
use crate::auth::{Permission, Role};
use utoipa::openapi::PathItem;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

/// The member of an operation with the roles that may do it to other people's bookings.
pub const OTHERS: &str = "x-roles-for-others";

/// Names the roles that a token needs for these operations: as OpenAPI has it, in the security requirement.
pub fn add(item: &mut PathItem, needs: Permission, others: Option<Permission>) {
    for operation in problems::operations(item) {
        for requirement in operation.security.iter_mut().flatten() {
            if *requirement == of_token(&[]) {
                *requirement = of_token(needs.roles());
            }
        }
        if let Some(others) = others {
            add_others(operation, others);
        }
    }
}

fn of_token(roles: &[Role]) -> SecurityRequirement {
    SecurityRequirement::new("token", roles.iter().map(|role| role.name()))
}

fn add_others(operation: &mut Operation, others: Permission) {
    let names: Vec<&str> = others.roles().iter().map(|role| role.name()).collect();
    let sentence = format!("On other people's bookings, for these roles: {}.", names.join(", "));
    let description = operation.description.get_or_insert_default();
    if !description.is_empty() {
        description.push_str("\n\n");
    }
    description.push_str(&sentence);
    operation.extensions.get_or_insert_default().merge(Extensions::from_iter([(OTHERS, names)]));
}
