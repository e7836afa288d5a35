//! Who an operation is for: what the table of routes says, put into the document.

use super::{problems, sessions};
use crate::auth::{Permission, Role};
use utoipa::openapi::PathItem;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;

/// The member of an operation with the roles that may do it to other people's bookings.
pub const OTHERS: &str = "x-roles-for-others";

/// Names the roles that a token or a session needs for these operations: as OpenAPI has it, in the security requirements.
pub fn add(item: &mut PathItem, needs: Permission, others: Option<Permission>) {
    // Each route has one method.
    let changes = item.get.is_none();
    for operation in problems::operations(item) {
        let mut with_session = false;
        for requirement in operation.security.iter_mut().flatten() {
            if *requirement == of_token(&[]) {
                *requirement = of_token(needs.roles());
                with_session = true;
            }
        }
        if with_session {
            operation.security.get_or_insert_default().push(sessions::requirement(needs.roles(), changes));
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
