use super::*;

#[test]
fn every_operation_is_there_with_its_answers() {
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
fn every_reference_leads_somewhere() {
    let document = serde_json::to_value(document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
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
