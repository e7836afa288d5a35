//! Makes the document as strict as the server: headers and parameters that are common to many
//! operations, and which operations need no token.

use super::problems;
use crate::idempotency::MAX_KEY_LENGTH;
use crate::problem::Code;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Schema, SchemaType};
use utoipa::openapi::{ObjectBuilder, OpenApi, RefOr, Required, ServerBuilder, Type};

/// Completes every operation.
pub(super) fn add(document: &mut OpenApi) {
    document.servers =
        Some(vec![ServerBuilder::new().url("/").description(Some("The server that this document is from")).build()]);
    for item in document.paths.paths.values_mut() {
        for operation in problems::operations(item) {
            // An operation that needs no token says so, as linters require.
            operation.security.get_or_insert_default();
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    without_null(parameter);
                }
            }
            if takes_key(operation) {
                operation.parameters.get_or_insert_default().push(idempotency_key().into());
            }
        }
    }
}

/// An absent parameter is absent; an empty one is refused.
fn without_null(parameter: &mut Parameter) {
    let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { return };
    if let SchemaType::Array(types) = &schema.schema_type
        && let Some(only) = types.iter().find(|kind| **kind != Type::Null)
    {
        schema.schema_type = SchemaType::Type(only.clone());
    }
}

fn takes_key(operation: &Operation) -> bool {
    let problems = operation.operation_id.as_deref().and_then(problems::of).unwrap_or_default();
    problems.into_iter().flatten().any(|code| *code == Code::InvalidIdempotencyKey)
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_KEY_LENGTH))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Makes a repeat harmless: the same key and body get the first answer again. Visible ASCII without spaces, such as a UUID.",
        ))
        .schema(Some(schema))
        .build()
}
