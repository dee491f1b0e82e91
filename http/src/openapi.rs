//! The API reference: OpenAPI 3.1, made of what the routes say about themselves.

use crate::{
    extract::SESSION_COOKIE,
    problem::{self, Document, Field},
};
use axum::{
    Router,
    body::Bytes,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{
    Number, OpenApi,
    openapi::{
        self, Content, Header, Ref, RefOr, Required, ResponseBuilder, Schema,
        header::HeaderBuilder,
        path::Operation,
        schema::{AdditionalProperties, AnyOf, ArrayItems, KnownFormat, SchemaFormat},
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

/// Where the document is served.
pub const PATH: &str = "/api/v1/openapi.json";
/// Where staff calls begin.
const ADMIN: &str = "/api/v1/admin";
/// The schema of which each form is read strictly.
const STRICT: &str = "PromotionAction";
/// The tag of what anybody may see: nobody is asked who they are.
const OPEN: &str = "catalog";
/// What a header that has one says.
const RETRY_AFTER: &str = "Seconds after which asking again is worth it.";
/// What a header says that answers to a repeated key have.
const REPLAYED: &str = "`true` on the stored answer to a repeated key.";
/// What a header says that an answer to a shopper may have.
const SET_COOKIE: &str = "The session's cookie, where one is opened, renewed or ended.";
/// The name of the shopper's security scheme.
const SESSION: &str = "session";
/// The name of the staff's security scheme.
const STAFF: &str = "staff";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cartwright",
        description = "A commerce engine. Amounts are whole minor units; errors are problem+json with a stable code; \
                       every entity's version is its ETag, and If-Match makes a write conditional."
    ),
    servers((url = "/", description = "This server.")),
    components(schemas(Document, Field))
)]
struct Base;

/// Returns the document of an API without routes, to be filled by its routers.
pub fn base() -> openapi::OpenApi {
    Base::openapi()
}

/// Adds what holds for every route: who may call, what every answer carries, and how it refuses.
pub fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    let components = document.components.get_or_insert_default();
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
        SESSION_COOKIE,
        "The shopper's session, set by the first call that needs one.",
    )));
    let mut token = Http::new(HttpAuthScheme::Bearer);
    token.bearer_format = Some("JWT".to_owned());
    token.description = Some("A staff token, as `cartwright token` issues it.".to_owned());
    components.add_security_scheme(SESSION, cookie);
    components.add_security_scheme(STAFF, SecurityScheme::Http(token));
    components.schemas.values_mut().for_each(allow_several);
    components.schemas.values_mut().for_each(widen_counts);
    if let Some(RefOr::T(Schema::OneOf(forms))) = components.schemas.get_mut(STRICT) {
        forms.items.iter_mut().for_each(refuse_unknown);
    }
    let versioned = versioned(&components.schemas);
    let optional = optional_bodies(&components.schemas);
    for (path, item) in &mut document.paths.paths {
        let methods = [
            (&mut item.get, Change::No),
            (&mut item.put, Change::Yes),
            (&mut item.post, Change::Yes),
            (&mut item.delete, Change::Yes),
            (&mut item.patch, Change::Yes),
        ];
        for (operation, change) in methods {
            if let Some(operation) = operation {
                complete_operation(operation, path, change, &versioned);
                complete_body(operation, &optional);
            }
        }
    }
    document
}

/// Says of numbers of 32 bits without a sign that they take 64 bits with one: a program that is made from the document
/// would read them into numbers of half their range.
fn widen_counts(schema: &mut RefOr<Schema>) {
    let RefOr::T(schema) = schema else { return };
    match schema {
        Schema::Object(object) => {
            let narrow = SchemaFormat::KnownFormat(KnownFormat::Int32);
            // As the derivation writes it for every number without a sign.
            let is_count = object.minimum == Some(Number::Float(0.0));
            if is_count && object.format == Some(narrow) {
                object.format = Some(SchemaFormat::KnownFormat(KnownFormat::Int64));
            }
            object.properties.values_mut().for_each(widen_counts);
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                widen_counts(items);
            }
        }
        Schema::OneOf(forms) => forms.items.iter_mut().for_each(widen_counts),
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(widen_counts),
        Schema::AnyOf(forms) => forms.items.iter_mut().for_each(widen_counts),
        _ => {}
    }
}

/// Says of an object that it may have no other fields.
fn refuse_unknown(schema: &mut RefOr<Schema>) {
    if let RefOr::T(Schema::Object(object)) = schema {
        object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

/// Lets a value be as several schemas of a choice say, where each has a name of its own: the short answer of a cart is
/// a part of the whole one.
fn allow_several(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(choice)) = schema else {
        return;
    };
    if choice.items.iter().all(|item| matches!(item, RefOr::Ref(_))) {
        let mut several = AnyOf::new();
        several.items = std::mem::take(&mut choice.items);
        several.description = choice.description.take();
        *schema = RefOr::T(Schema::AnyOf(several));
    }
}

/// Returns references to the schemas that need no field: a body of such a one may be left out.
fn optional_bodies(schemas: &BTreeMap<String, RefOr<Schema>>) -> BTreeSet<String> {
    such_as(schemas, needs_nothing)
}

fn needs_nothing(schema: &RefOr<Schema>, found: &BTreeSet<String>) -> bool {
    match schema {
        RefOr::Ref(to) => found.contains(&to.ref_location),
        RefOr::T(Schema::Object(object)) => object.required.is_empty(),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter().all(|part| needs_nothing(part, found)),
        RefOr::T(_) => false,
    }
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// Says of a body whether it may be left out.
fn complete_body(operation: &mut Operation, optional: &BTreeSet<String>) {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return;
    };
    let is_optional = body.content.values().all(|content| {
        let RefOr::T(content) = content else { return false };
        matches!(&content.schema, Some(RefOr::Ref(to)) if optional.contains(&to.ref_location))
    });
    // One that may be `null` has to say so.
    body.required = Some(if is_optional {
        Required::False
    } else {
        Required::True
    });
}

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Yes,
    No,
}

/// Who is asked who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Nobody.
    Nobody,
    /// Whoever says so: a shopper with a session or none yet, or staff.
    Anybody,
    /// Staff, and nobody else is answered.
    Staff,
}

impl Asked {
    fn by(operation: &Operation, path: &str) -> Self {
        let is_open = operation.tags.iter().flatten().any(|tag| tag == OPEN);
        match path.starts_with(ADMIN) {
            true => Self::Staff,
            false if is_open => Self::Nobody,
            false => Self::Anybody,
        }
    }

    fn requirements(self) -> Vec<SecurityRequirement> {
        let with = |scheme| SecurityRequirement::new(scheme, [""; 0]);
        match self {
            Self::Nobody => vec![SecurityRequirement::default()],
            Self::Anybody => vec![with(SESSION), with(STAFF), SecurityRequirement::default()],
            Self::Staff => vec![with(STAFF)],
        }
    }
}

fn complete_operation(operation: &mut Operation, path: &str, change: Change, versioned: &BTreeSet<String>) {
    let asked = Asked::by(operation, path);
    operation.security.get_or_insert(asked.requirements());

    let traits = Traits {
        replays: takes(operation, "Idempotency-Key"),
        has_cookie: asked == Asked::Anybody,
        shortens: takes(operation, "Prefer"),
    };
    let refusals = refusals(operation, path, change, asked);
    let responses = &mut operation.responses.responses;
    for (status, description) in refusals {
        responses
            .entry(status.to_owned())
            .or_insert_with(|| refusal(status, description).into());
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            add_headers(response, status, traits, versioned);
        }
    }
}

/// Returns references to the schemas that show one state of one entity: those with a version.
fn versioned(schemas: &BTreeMap<String, RefOr<Schema>>) -> BTreeSet<String> {
    such_as(schemas, has_version)
}

/// Returns references to the schemas of which something holds, which may depend on what holds of those they refer to.
fn such_as(
    schemas: &BTreeMap<String, RefOr<Schema>>,
    holds: fn(&RefOr<Schema>, &BTreeSet<String>) -> bool,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    loop {
        let known = found.len();
        for (name, schema) in schemas {
            if holds(schema, &found) {
                found.insert(reference(name));
            }
        }
        // Those may come later.
        if found.len() == known {
            return found;
        }
    }
}

fn has_version(schema: &RefOr<Schema>, found: &BTreeSet<String>) -> bool {
    match schema {
        RefOr::Ref(to) => found.contains(&to.ref_location),
        RefOr::T(Schema::Object(object)) => object.properties.contains_key("version"),
        RefOr::T(Schema::AllOf(parts)) => parts.items.iter().any(|part| has_version(part, found)),
        RefOr::T(Schema::AnyOf(choice)) => choice.items.iter().all(|item| has_version(item, found)),
        RefOr::T(_) => false,
    }
}

/// What an operation does besides answering.
#[derive(Clone, Copy)]
struct Traits {
    /// It keeps its answers under keys.
    replays: bool,
    /// It sets the session's cookie.
    has_cookie: bool,
    /// It answers shorter to `Prefer: return=minimal`.
    shortens: bool,
}

/// Adds the headers that answers with a status have.
fn add_headers(response: &mut openapi::Response, status: &str, traits: Traits, versioned: &BTreeSet<String>) {
    let is_done = status.starts_with('2');
    // Handlers answer so, and it is kept under a key.
    let is_final = is_done || matches!(status, "402" | "404" | "409" | "412" | "422");
    let shows_version = response.content.values().any(|content| match content {
        RefOr::T(content) => {
            matches!(&content.schema, Some(RefOr::Ref(to)) if versioned.contains(&to.ref_location))
        }
        RefOr::Ref(_) => false,
    });
    let headers = [
        (
            is_done && shows_version,
            "ETag",
            "The version, in quotes; for `If-Match`.",
        ),
        (matches!(status, "201" | "202"), "Location", "Where it lies."),
        (status == "202", "Retry-After", RETRY_AFTER),
        (
            status == "409" && traits.replays,
            "Retry-After",
            "While the first request under the key is under way.",
        ),
        (traits.replays && is_final, "Idempotent-Replayed", REPLAYED),
        (traits.has_cookie && is_final, "Set-Cookie", SET_COOKIE),
        (
            status == "401",
            "WWW-Authenticate",
            "How to say who asks: `Bearer`.",
        ),
        (
            is_done && traits.shortens,
            "Preference-Applied",
            "`return=minimal` on a shortened answer.",
        ),
    ];
    for (applies, name, description) in headers {
        if applies {
            add_header(response, name, description);
        }
    }
}

/// Returns the statuses with which such an operation may refuse.
fn refusals(
    operation: &Operation,
    path: &str,
    change: Change,
    asked: Asked,
) -> Vec<(&'static str, &'static str)> {
    let has_body = operation.request_body.is_some();
    let has_input = has_body || operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
    let changes = change == Change::Yes;
    // What takes neither only tells something, or says of each row what became of it.
    let keeps = takes(operation, "Idempotency-Key");
    let conflicts = takes(operation, "If-Match") || keeps;
    let all = [
        (
            has_input,
            "400",
            "The request cannot be understood; the bad field is named.",
        ),
        (
            asked == Asked::Staff,
            "401",
            "A staff token is needed, and valid.",
        ),
        (
            asked == Asked::Anybody,
            "401",
            "There is no session, or a staff token that is not valid.",
        ),
        (
            path.contains('{'),
            "404",
            "There is no such thing, or it is somebody else's.",
        ),
        (conflicts, "409", "The current state is in the way."),
        (
            takes(operation, "If-Match"),
            "412",
            "The version is not the current one, which is named.",
        ),
        (has_body || keeps, "413", "The body is too large."),
        (has_body, "415", "The body is not JSON."),
        (
            has_body || keeps,
            "422",
            "A field's value is refused, or the key was used for another request.",
        ),
        (
            changes,
            "429",
            "Too many changes are waiting; `Retry-After` says for how long.",
        ),
        (true, "503", "Not now; `Retry-After` says when to try again."),
        (true, "default", "A refusal, with a stable code."),
    ];
    let applying = all.into_iter().filter(|(applies, _, _)| *applies);
    applying
        .map(|(_, status, description)| (status, description))
        .collect()
}

fn refusal(status: &str, description: &str) -> openapi::Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = ResponseBuilder::new()
        .description(description)
        .content(problem::MEDIA_TYPE, problem)
        .build();
    if matches!(status, "429" | "503") {
        add_header(&mut response, "Retry-After", RETRY_AFTER);
    }
    response
}

fn add_header(response: &mut openapi::Response, name: &str, description: &str) {
    let header = HeaderBuilder::from(Header::default())
        .description(Some(description))
        .build();
    response.headers.insert(name.to_owned(), header.into());
}

/// Tells whether an operation takes a header or another parameter of this name.
fn takes(operation: &Operation, name: &str) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == name))
}

/// Returns the route that serves the document, rendered once.
pub(crate) fn routes(document: &openapi::OpenApi) -> Result<Router, serde_json::Error> {
    let json = Bytes::from(serde_json::to_vec(document)?);
    let serve = move || {
        let json = json.clone();
        async move { document_response(json) }
    };
    Ok(Router::new().route(PATH, get(serve)))
}

fn document_response(json: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}
