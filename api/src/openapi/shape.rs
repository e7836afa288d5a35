//! Gives schemas the shape that generated clients need: a member of an answer is there or not and never `null`, the ids in
//! addresses are as they are in answers, and a default does not make a member of a request required.

use super::problems;
use crate::routes::wire::STATUSES;
use lastseat_projections::BookingStatus;
use std::collections::BTreeSet;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, KnownFormat, Schema, SchemaFormat, SchemaType};
use utoipa::openapi::{Content, OpenApi, RefOr, Type};

/// Parts of addresses that are UUIDs. Any other text there is an id that nothing has.
const UUIDS: [&str; 5] = ["account", "id", "block", "campaign", "voucher"];

/// Completes all schemas.
pub(super) fn add(document: &mut OpenApi) {
    let mut answered = BTreeSet::new();
    for item in document.paths.paths.values_mut() {
        for operation in problems::operations(item) {
            uuids(operation);
            choices(operation);
            for response in operation.responses.responses.values() {
                let RefOr::T(response) = response else { continue };
                for schema in response.content.values().filter_map(schema_of) {
                    references(schema, &mut answered);
                }
            }
        }
    }
    let Some(components) = &mut document.components else { return };
    let mut unread: Vec<String> = answered.iter().cloned().collect();
    while let Some(name) = unread.pop() {
        let mut found = BTreeSet::new();
        components.schemas.get(&name).into_iter().for_each(|schema| references(schema, &mut found));
        unread.extend(found.into_iter().filter(|name| answered.insert(name.clone())));
    }
    for (name, schema) in &mut components.schemas {
        shape(schema, answered.contains(name));
    }
}

fn uuids(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        if parameter.parameter_in == ParameterIn::Path
            && UUIDS.contains(&parameter.name.as_str())
            && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
        {
            schema.format = Some(SchemaFormat::KnownFormat(KnownFormat::Uuid));
        }
    }
}

/// What a parameter of an address can be, where that is a list of names.
fn choices(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let names: &[&str] = match (id.as_str(), parameter.name.as_str()) {
            ("list_shows", "status") => &STATUSES,
            (_, "status") => &BookingStatus::ALL.map(BookingStatus::as_str),
            ("get_tickets", "format") => &["json", "html", "pdf"],
            ("get_ticket", "format") => &["json", "svg", "png", "html", "pdf"],
            (_, "format") => &["json", "csv"],
            _ => continue,
        };
        if let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema {
            schema.enum_values = Some(names.iter().map(|name| (*name).into()).collect());
        }
    }
}

fn schema_of(content: &RefOr<Content>) -> Option<&RefOr<Schema>> {
    match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    }
}

/// The names of the schemas that one refers to.
fn references(schema: &RefOr<Schema>, into: &mut BTreeSet<String>) {
    match schema {
        RefOr::Ref(reference) => {
            into.extend(reference.ref_location.rsplit('/').next().map(ToOwned::to_owned));
        }
        RefOr::T(Schema::Object(object)) => {
            object.properties.values().for_each(|property| references(property, into));
            if let Some(AdditionalProperties::RefOr(more)) = object.additional_properties.as_deref() {
                references(more, into);
            }
        }
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &array.items {
                references(items, into);
            }
        }
        RefOr::T(Schema::OneOf(union)) => union.items.iter().for_each(|item| references(item, into)),
        RefOr::T(Schema::AllOf(all)) => all.items.iter().for_each(|item| references(item, into)),
        RefOr::T(_) => {}
    }
}

fn shape(schema: &mut RefOr<Schema>, is_answered: bool) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            for (name, property) in &mut object.properties {
                if is_answered && !object.required.contains(name) {
                    without_null(property);
                }
                without_default(property);
                shape(property, is_answered);
            }
        }
        RefOr::T(Schema::OneOf(union)) => union.items.iter_mut().for_each(|item| shape(item, is_answered)),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(|item| shape(item, is_answered)),
        _ => {}
    }
}

/// Takes `null` out of what a member can be.
fn without_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => keep_one(&mut object.schema_type),
        Schema::Array(array) => keep_one(&mut array.schema_type),
        Schema::OneOf(union) => {
            union
                .items
                .retain(|item| !matches!(item, RefOr::T(Schema::Object(object)) if object.schema_type == Type::Null.into()));
            if union.items.len() == 1 {
                *schema = union.items.remove(0);
            }
        }
        _ => {}
    }
}

fn keep_one(kind: &mut SchemaType) {
    if let SchemaType::Array(kinds) = kind {
        kinds.retain(|kind| *kind != Type::Null);
        if let [only] = &kinds[..] {
            *kind = SchemaType::Type(only.clone());
        }
    }
}

/// Says a member's default in words: generators take a member that has one for a member that must be there.
fn without_default(schema: &mut RefOr<Schema>) {
    let (default, description) = match schema {
        RefOr::T(Schema::Object(object)) => (object.default.take(), &mut object.description),
        RefOr::T(Schema::Array(array)) => (array.default.take(), &mut array.description),
        RefOr::T(Schema::OneOf(union)) => (union.default.take(), &mut union.description),
        _ => return,
    };
    let Some(default) = default.filter(|default| !default.is_null()) else { return };
    let description = description.get_or_insert_default();
    if !description.is_empty() {
        description.push(' ');
    }
    description.push_str(&format!("Default: `{default}`."));
}
