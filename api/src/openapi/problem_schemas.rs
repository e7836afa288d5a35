//! The schemas of problems: one for each code that has facts, one for all others, and the union of all.
//!
//! Each names the codes that it is for, so that clients can tell them apart: in TypeScript by comparing `code`, in Python by
//! the class.

use crate::names::REASONS;
use crate::problem::facts::{self, Fact, Kind};
use crate::problem::{Code, MEDIA_TYPE};
use crate::routes::wire::names;
use std::borrow::Cow;
use utoipa::openapi::schema::{ArrayBuilder, Discriminator, KnownFormat, OneOfBuilder, SchemaFormat};
use utoipa::openapi::{Content, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The problems that have no facts.
const PLAIN: &str = "PlainProblem";

/// Adds the schemas.
pub(super) fn add(document: &mut OpenApi) {
    let schemas = &mut document.components.get_or_insert_default().schemas;
    let (plain, with_facts): (Vec<Code>, Vec<Code>) = Code::ALL.iter().partition(|code| facts::of(**code).is_empty());
    for code in &with_facts {
        schemas.insert(name(*code), problem(code.title(), &[*code], facts::of(*code)));
    }
    schemas.insert(PLAIN.to_owned(), problem("A refusal that has no facts of its own.", &plain, &[]));
    schemas.insert(AnyProblem::name().into(), AnyProblem::schema());
}

/// All problems, in the document.
pub enum AnyProblem {}

impl ToSchema for AnyProblem {
    fn name() -> Cow<'static, str> {
        "Problem".into()
    }
}

impl PartialSchema for AnyProblem {
    fn schema() -> RefOr<Schema> {
        let mapping = Code::ALL.iter().map(|code| (code.text(), Ref::from_schema_name(name(*code)).ref_location));
        let mut any = OneOfBuilder::new()
            .description(Some("A refusal (RFC 9457). Its `code` says which, and so which facts it has."))
            .discriminator(Some(Discriminator::with_mapping("code", mapping)));
        for name in names_of(Code::ALL) {
            any = any.item(Ref::from_schema_name(name));
        }
        any.into()
    }
}

/// An answer with one of these problems.
pub(super) fn response(codes: &[Code]) -> Response {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.text(), code.title())).collect();
    let mut names = names_of(codes);
    let schema: RefOr<Schema> = if names.len() == 1 {
        RefOr::Ref(Ref::from_schema_name(names.remove(0)))
    } else {
        let union = names.into_iter().fold(OneOfBuilder::new(), |union, name| union.item(Ref::from_schema_name(name)));
        union.into()
    };
    ResponseBuilder::new().description(lines.join("\n\n")).content(MEDIA_TYPE, Content::new(Some(schema))).build()
}

fn names_of(codes: &[Code]) -> Vec<String> {
    let mut names: Vec<_> = codes.iter().map(|code| name(*code)).collect();
    names.sort();
    names.dedup();
    names
}

/// The schema's name: `SeatUnavailableProblem` for `seat_unavailable`.
fn name(code: Code) -> String {
    if facts::of(code).is_empty() {
        return PLAIN.to_owned();
    }
    let words = code.text().split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    words.collect::<String>() + "Problem"
}

fn problem(description: &str, codes: &[Code], facts: &[Fact]) -> RefOr<Schema> {
    let text = |description: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    let number = |description: &str| ObjectBuilder::new().schema_type(Type::Integer).description(Some(description));
    let texts: Vec<&str> = codes.iter().map(|code| code.text()).collect();
    let mut object = ObjectBuilder::new()
        .description(Some(description))
        .property("type", text("Address of a page that explains the code."))
        .property("title", text("What it means, in a few words."))
        .property("status", number("The status of the answer."))
        .property("code", names::one_of("Stable; the member that programs should use.", &texts))
        .property("detail", text("What happened and what to do."))
        .property("retry_after", number("Seconds after which to try again.").minimum(Some(1)));
    for required in ["type", "title", "status", "code", "detail"] {
        object = object.required(required);
    }
    for fact in facts {
        object = object.property(fact.name, of_fact(fact));
        if fact.always {
            object = object.required(fact.name);
        }
    }
    object.into()
}

fn of_fact(fact: &Fact) -> RefOr<Schema> {
    let with = |kind| ObjectBuilder::new().schema_type(kind).description(Some(fact.meaning));
    let reference = |name: &str| {
        let mut reference = Ref::from_schema_name(name);
        fact.meaning.clone_into(&mut reference.description);
        RefOr::Ref(reference)
    };
    let formatted = |format| with(Type::String).format(Some(SchemaFormat::KnownFormat(format))).into();
    match fact.kind {
        Kind::Text => with(Type::String).into(),
        Kind::Texts => {
            let items = ObjectBuilder::new().schema_type(Type::String);
            ArrayBuilder::new().items(items).description(Some(fact.meaning)).into()
        }
        Kind::Number => with(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).into(),
        Kind::Time => formatted(KnownFormat::DateTime),
        Kind::Id => formatted(KnownFormat::Uuid),
        Kind::Amount => reference("Amount"),
        Kind::Role => reference("RoleName"),
        Kind::Roles => ArrayBuilder::new().items(Ref::from_schema_name("RoleName")).description(Some(fact.meaning)).into(),
        Kind::SeatState => reference("SeatState"),
        Kind::AbortReason => names::one_of(fact.meaning, &REASONS),
    }
}
