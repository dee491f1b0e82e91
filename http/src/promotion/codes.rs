//! Routes of codes that are good for one order.

use crate::answer::{Answer, Answered, gone};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, Imported, List, Sent, Time};
use crate::extract::{Id, Json, Page, PageQuery, Rows, StaffCall, StaffOnly, entity_id};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::{Path, State};
use axum::response::Response;
use cartwright_actors::Engine;
use cartwright_actors::import::too_many;
use cartwright_actors::promotion::{CodeRow, ListedCode};
use cartwright_domain::promotion;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_codes, admin_add_codes))
        .routes(routes!(admin_draw_codes))
        .routes(routes!(admin_import_codes))
        .routes(routes!(admin_delete_code))
}

/// A code that is good for one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
struct CouponCode {
    /// Its id, for its history.
    id: String,
    /// The code.
    #[schema(example = "SPRING-7KQ2M9XA")]
    code: String,
    /// Has an order used it?
    used: bool,
    /// When it was made.
    created_at: Time,
    /// Its version, for `If-Match`.
    version: u64,
}

impl From<&ListedCode> for CouponCode {
    fn from(listed: &ListedCode) -> Self {
        let state = &listed.code.state;
        Self {
            id: listed.code.id.to_string(),
            code: state.code.to_string(),
            used: listed.is_used,
            created_at: state.created_at.into(),
            version: listed.code.revision.0,
        }
    }
}

/// Codes to be added.
#[derive(Debug, Deserialize, ToSchema)]
struct CouponCodesInput {
    /// At most 500, each good for one order.
    #[schema(max_items = 500, example = json!(["SPRING-7KQ2M9XA"]))]
    codes: Vec<String>,
}

/// Rows of codes.
#[derive(Debug, Deserialize, ToSchema)]
struct CouponCodeImport {
    /// At most 500.
    #[schema(max_items = 500, value_type = Vec<CouponCodeRow>)]
    rows: Rows,
}

/// One row: a code that is good for one order.
#[derive(Debug, Deserialize, ToSchema)]
struct CouponCodeRow {
    /// The row's number, for the report.
    row: u64,
    /// Which promotion it unlocks: its id, its own code or its name.
    #[schema(example = "Spring letter")]
    promotion: String,
    /// The code.
    #[schema(example = "SPRING-7KQ2M9XA")]
    code: String,
    /// Was it used elsewhere? Then nobody can use it here, unless an order here has used it before: that one's
    /// cancellation frees it.
    #[serde(default)]
    used: bool,
}

impl From<CouponCodeRow> for CodeRow {
    fn from(sent: CouponCodeRow) -> Self {
        Self {
            row: sent.row,
            promotion: sent.promotion,
            code: sent.code,
            is_used: sent.used,
        }
    }
}

/// How codes are to be drawn.
#[derive(Debug, Deserialize, ToSchema)]
struct CouponCodesDraw {
    /// How many, from 1 to 100,000; call again for more.
    #[schema(minimum = 1, maximum = 100_000, example = 1000)]
    count: u32,
    /// What each begins with; nothing when absent.
    #[schema(example = "SPRING-")]
    prefix: Option<String>,
    /// How many drawn letters and digits follow, from 8 to 24; 10 when absent.
    length: Option<usize>,
}

/// Codes that were drawn.
#[derive(Debug, Serialize, ToSchema)]
struct CouponCodesDrawn {
    /// The codes.
    codes: Vec<String>,
}

/// Lists a promotion's codes that are good for one order, by code.
#[utoipa::path(
    get, path = "/api/v1/admin/promotions/{promotion}/codes", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), PageQuery),
    responses((status = OK, description = "A page of codes.", body = List<CouponCode>)),
)]
async fn admin_list_codes(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<promotion::Promotion>,
    Page(page): Page,
) -> Answered<List<CouponCode>> {
    let found = engine.coupon_codes(id, page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Adds codes to a promotion, each good for one order.
///
/// A code that the promotion has already is left as it is, so that the same can be sent again: then they are
/// `unchanged`. A code that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/{promotion}/codes", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), IfMatchHeader, IdempotencyKeyHeader),
    request_body = CouponCodesInput,
    responses((status = OK, description = "What became of each code; rows are counted from 0.", body = Imported)),
)]
async fn admin_add_codes(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<promotion::Promotion>,
    Json { value, bytes }: Json<CouponCodesInput>,
) -> Answered<Imported> {
    let done = engine.add_codes(&call.request(&bytes), id, value.codes).await?;
    Ok(Answer::plain_done(done.map(Imported::of)))
}

/// Imports codes that are each good for one order, of any promotions.
///
/// A second run of the same rows changes nothing. A row that is refused refuses no other.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/codes/import", tag = "admin: promotions", request_body = CouponCodeImport,
    responses((status = OK, description = "What became of each row.", body = Imported)),
)]
async fn admin_import_codes(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<CouponCodeImport>,
) -> Answered<Imported> {
    let read = |row: CouponCodeRow| Ok(row.into());
    let mut sent = Sent::read(value.rows, too_many::PROMOTION, &["/code"], read)?;
    let imported = engine.import_codes(&call.request(&bytes), sent.take()).await?;
    Ok(Answer::plain(Imported::of(sent.ends(imported))))
}

/// Draws codes for a promotion that nobody guesses, each good for one order.
///
/// None has a letter or digit that is taken for another. Sent again under the same key, it answers with the same codes.
#[utoipa::path(
    post, path = "/api/v1/admin/promotions/{promotion}/codes/generate", tag = "admin: promotions",
    params(("promotion" = String, Path, description = "The promotion's id."), IfMatchHeader, IdempotencyKeyHeader),
    request_body = CouponCodesDraw,
    responses((status = CREATED, description = "The codes.", body = CouponCodesDrawn)),
)]
async fn admin_draw_codes(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<promotion::Promotion>,
    Json { value, bytes }: Json<CouponCodesDraw>,
) -> Answered<CouponCodesDrawn> {
    let draft = promotion::DrawDraft {
        count: value.count,
        prefix: value.prefix,
        length: value.length,
    };
    let done = engine.draw_codes(&call.request(&bytes), id, draft).await?;
    let drawn = done.map(|codes| CouponCodesDrawn {
        codes: codes.iter().map(ToString::to_string).collect(),
    });
    let location = format!("/api/v1/admin/promotions/{id}/codes");
    Ok(Answer::plain_done(drawn).created(location))
}

/// Takes a code out of use.
///
/// Carts that hold it lose it; placed orders keep what it gave.
#[utoipa::path(
    delete, path = "/api/v1/admin/promotions/{promotion}/codes/{code}", tag = "admin: promotions",
    params(
        ("promotion" = String, Path, description = "The promotion's id."),
        ("code" = String, Path, description = "The code; case does not matter."),
        IfMatchHeader,
    ),
    responses((status = NO_CONTENT, description = "It is gone.")),
)]
async fn admin_delete_code(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Path((promotion, code)): Path<(String, String)>,
) -> Result<Response, Refused> {
    let promotion = entity_id::<promotion::Promotion>(&promotion)?;
    let done = engine.delete_code(&call.request(&[]), promotion, &code).await?;
    Ok(gone(&done))
}
