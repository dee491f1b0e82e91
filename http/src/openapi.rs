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
use utoipa::{
    OpenApi,
    openapi::{
        self, Content, Ref, ResponseBuilder,
        path::Operation,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

/// Where the document is served.
pub const PATH: &str = "/api/v1/openapi.json";
/// Where staff calls begin.
const ADMIN: &str = "/api/v1/admin";
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
    components(schemas(Document, Field))
)]
struct Base;

/// Returns the document of an API without routes, to be filled by its routers.
pub fn base() -> openapi::OpenApi {
    Base::openapi()
}

/// Adds what holds for every route: who may call, and how it refuses.
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
    for (path, item) in &mut document.paths.paths {
        let scheme = if path.starts_with(ADMIN) { STAFF } else { SESSION };
        let methods = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        for operation in methods.into_iter().flatten() {
            complete_operation(operation, scheme);
        }
    }
    document
}

fn complete_operation(operation: &mut Operation, scheme: &str) {
    let none: [&str; 0] = [];
    let mut requirements = vec![SecurityRequirement::new(scheme, none)];
    if scheme == SESSION {
        // A shopper's first call has no session yet.
        requirements.push(SecurityRequirement::default());
    }
    operation.security.get_or_insert(requirements);
    let refusal = ResponseBuilder::new()
        .description("A refusal, with a stable code.")
        .content(
            problem::MEDIA_TYPE,
            Content::new(Some(Ref::from_schema_name("Problem"))),
        )
        .build();
    operation
        .responses
        .responses
        .entry("default".to_owned())
        .or_insert(refusal.into());
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
