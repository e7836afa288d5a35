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
    assert!(free.iter().all(|operation| !operation.contains("/v1/")), "{free:?}");
}
