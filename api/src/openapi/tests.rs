use super::*;
use crate::routes::document;

#[test]
fn every_operation_is_documented_with_its_answers() {
    let mut document = document();
    let mut lines = Vec::new();
    for (path, item) in &mut document.paths.paths {
        let value = serde_json::to_value(&*item).unwrap();
        for (method, operation) in value.as_object().unwrap() {
            let answers: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
            let name = operation["operationId"].as_str().unwrap();
            lines.push(format!("{:6} {path} {name} {}", method.to_uppercase(), answers.join(" ")));
        }
        for operation in problems::operations(item) {
            let name = operation.operation_id.clone().unwrap();
            assert!(problems::of(&name).is_some(), "the problems of {name} are not documented");
        }
    }
    lines.sort();
    insta::assert_snapshot!("operations", lines.join("\n"));
}

#[test]
fn every_reference_resolves() {
    let document = serde_json::to_value(document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} does not resolve");
    }
}

fn collect(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(|r| r.as_str()) {
                into.push(reference.to_owned());
            }
            members.values().for_each(|member| collect(member, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => {}
    }
}

#[test]
fn every_operation_that_can_be_limited_documents_its_limit_headers() {
    let document = serde_json::to_value(document()).unwrap();
    let (mut limited, mut free) = (0, Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let Some(refused) = responses.get("429") else {
                free.push(format!("{method} {path}"));
                continue;
            };
            limited += 1;
            assert!(refused["description"].as_str().unwrap().contains("`rate_limited`"));
            let fields: Vec<_> = refused["headers"].as_object().unwrap().keys().collect();
            assert_eq!(fields, ["RateLimit", "RateLimit-Policy", "Retry-After"], "{method} {path}");
            let success = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap().1;
            assert!(success["headers"]["RateLimit"]["description"].is_string(), "{method} {path}");
        }
    }
    assert!(limited > 15);
    assert!(free.iter().all(|operation| !operation.contains("/v1/") || operation.contains("/v1/webhooks/")), "{free:?}");
}

fn document_json() -> serde_json::Value {
    serde_json::to_value(document()).unwrap()
}

fn parameter<'a>(document: &'a serde_json::Value, method: &str, path: &str, name: &str) -> &'a serde_json::Value {
    let all = document["paths"][path][method]["parameters"].as_array().unwrap();
    let found: Vec<_> = all.iter().filter(|parameter| parameter["name"] == name).collect();
    assert_eq!(found.len(), 1, "{name} of {method} {path}");
    &found[0]["schema"]
}

#[test]
fn every_command_documents_its_idempotency_key() {
    let document = document_json();
    let mut commands = 0;
    // A gateway's notification is no command: it is its own repeat.
    for (path, item) in document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/v1/webhooks/")) {
        for method in item.as_object().unwrap().keys().filter(|method| *method != "get") {
            let key = parameter(&document, method, path, "Idempotency-Key");
            assert_eq!((&key["minLength"], &key["maxLength"], &key["pattern"]), (&1.into(), &255.into(), &"^[!-~]+$".into()));
            assert_eq!(key["type"], "string");
            commands += 1;
        }
    }
    assert_eq!(commands, crate::metrics::Command::ALL.len());
}

#[test]
fn parameters_and_bodies_are_as_strict_as_the_server() {
    let document = document_json();
    for (path, most) in [("/v1/shows", 100), ("/v1/me/bookings", 100), ("/v1/audit/events", 100_000)] {
        let limit = parameter(&document, "get", path, "limit");
        assert_eq!((&limit["minimum"], &limit["maximum"]), (&1.into(), &most.into()), "{path}");
    }
    assert_eq!(parameter(&document, "get", "/v1/shows", "starting_after")["minLength"], 1);
    assert_eq!(parameter(&document, "get", "/v1/me/bookings", "starting_after")["format"], "uuid");
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"]["type"].is_string(), "{parameter}");
            }
        }
    }
    let schemas = &document["components"]["schemas"];
    let new_show = &schemas["NewShow"]["properties"];
    assert_eq!(new_show["max_seats_per_buyer"]["minimum"], 1);
    assert_eq!((&new_show["hold_seconds"]["minimum"], &new_show["hold_seconds"]["maximum"]), (&1.into(), &86_400.into()));
    let ways = schemas["HoldBody"]["oneOf"].as_array().unwrap();
    let required: Vec<_> = ways
        .iter()
        .map(|way| {
            let schema = document.pointer(way["$ref"].as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
            assert_eq!(schema["additionalProperties"], false);
            schema["required"].clone()
        })
        .collect();
    assert_eq!(serde_json::json!(required), serde_json::json!([["seats"], ["area", "quantity"], ["best_available"]]));
}

#[test]
fn every_operation_says_whether_it_needs_a_token() {
    let document = document_json();
    assert_eq!(document["servers"][0]["url"], "/");
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(operation["security"].is_array(), "{}", operation["operationId"]);
        }
    }
}

#[test]
fn each_answer_has_exactly_the_problems_of_its_operation() {
    let document = document_json();
    let codes_of = |reference: &serde_json::Value| {
        let schema = document.pointer(reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
        schema["properties"]["code"]["enum"].as_array().unwrap().clone()
    };
    let held = &document["paths"]["/v1/shows/{show}/bookings"]["post"]["responses"]["409"];
    let union = held["content"]["application/problem+json"]["schema"]["oneOf"].as_array().unwrap();
    let own: Vec<_> = union.iter().map(codes_of).filter(|codes| codes.len() == 1).flatten().collect();
    assert_eq!(own, ["amount_too_small", "leaves_single_seat", "seat_unavailable"]);
    let all = document["components"]["schemas"]["Problem"]["oneOf"].as_array().unwrap();
    let mut named: Vec<_> = all.iter().flat_map(codes_of).map(|code| code.as_str().unwrap().to_owned()).collect();
    named.sort();
    let mut known: Vec<_> = crate::problem::Code::ALL.iter().map(|code| code.text().to_owned()).collect();
    known.sort();
    assert_eq!(named, known, "each code is in one schema");
    let tags = document["components"]["schemas"]["Problem"]["discriminator"]["mapping"].as_object().unwrap();
    assert_eq!(tags["sold_out"], "#/components/schemas/SoldOutProblem");
    assert_eq!(tags["booking_not_found"], "#/components/schemas/PlainProblem");
}

#[test]
fn a_member_of_an_answer_is_there_or_not_and_never_null() {
    let document = document_json();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let nulls: Vec<&String> = schemas.keys().filter(|name| schemas[*name].to_string().contains("\"null\"")).collect();
    for answer in ["Booking", "Show", "Seat", "SeatArea", "PriceType", "Plan", "Payment", "HoldResult"] {
        assert!(schemas.contains_key(answer) && !nulls.contains(&&answer.to_owned()), "{answer} has nulls");
    }
    // In a request null is what it is for the server: a change that removes a member, or a member that is absent.
    assert_eq!(schemas["ShowChanges"]["properties"]["venue"]["type"], serde_json::json!(["string", "null"]));
    assert_eq!(schemas["PayBody"]["properties"]["payment_method"]["type"], serde_json::json!(["string", "null"]));
    assert!(!document.to_string().contains("\"default\":"), "generators take a default for a member that must be there");
}

#[test]
fn names_are_enums_and_ids_in_addresses_are_uuids() {
    let document = document_json();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Booking"]["properties"]["status"]["$ref"], "#/components/schemas/BookingStatus");
    assert_eq!(schemas["BookingStatus"]["enum"][2], "action_required");
    assert_eq!(schemas["BookingList"]["properties"]["data"]["items"]["$ref"], "#/components/schemas/Booking");
    let tags = &schemas["NextAction"]["discriminator"];
    assert_eq!(tags["mapping"]["redirect_to_url"], "#/components/schemas/RedirectToUrl");
    assert_eq!(schemas["RedirectToUrl"]["properties"]["type"]["enum"], serde_json::json!(["redirect_to_url"]));
    assert_eq!(parameter(&document, "get", "/v1/bookings/{id}", "id")["format"], "uuid");
    assert_eq!(parameter(&document, "get", "/v1/shows", "status")["enum"][0], "on_sale");
    // Two types of one name: the document would have one of the two.
    assert_eq!(schemas["BankOutcome"]["enum"], serde_json::json!(["succeeded", "failed"]));
    assert_eq!(schemas["ReviewOutcome"]["enum"][0], "continue");
}
