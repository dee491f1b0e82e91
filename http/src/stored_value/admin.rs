//! Routes of gift cards and store credit for staff.

use super::dto::{
    BalanceAdjustment, ByCode, GiftCard, GiftCardChanges, NewGiftCard, StoreCredit, StoreCreditChanges,
};
use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Changes, Id, Json, Page, PageQuery, Params, StaffCall, StaffOnly, entity_id};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::{Path, State};
use cartwright_actors::Engine;
use cartwright_domain::Class;
use cartwright_domain::customer::Customer;
use cartwright_domain::id::CustomerId;
use cartwright_domain::money::Currency;
use cartwright_domain::stored_value::StoredValue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_gift_cards, admin_issue_gift_card))
        .routes(routes!(admin_show_gift_card, admin_update_gift_card))
        .routes(routes!(admin_adjust_gift_card))
        .routes(routes!(admin_list_store_credit))
        .routes(routes!(admin_adjust_store_credit))
        .routes(routes!(admin_show_store_credit, admin_update_store_credit))
        .merge(super::import::routes())
}

/// Lists gift cards, newest first, or finds the one with a code.
#[utoipa::path(
    get, path = "/api/v1/admin/gift-cards", tag = "admin: gift cards and store credit", params(PageQuery, ByCode),
    responses((status = OK, description = "A page of gift cards, or the one that was looked for.", body = List<GiftCard>)),
)]
async fn admin_list_gift_cards(
    State(engine): State<Engine>,
    _: StaffOnly,
    Params(by): Params<ByCode>,
    Page(page): Page,
) -> Answered<List<GiftCard>> {
    if let Some(code) = by.code {
        let found = engine.gift_card_by_code(&code).await?;
        let items = found.iter().map(GiftCard::from).collect();
        return Ok(Answer::plain(List::whole(items)));
    }
    let found = engine.gift_cards(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Issues a gift card.
///
/// The answer is the only one that shows the whole code.
#[utoipa::path(
    post, path = "/api/v1/admin/gift-cards", tag = "admin: gift cards and store credit",
    params(IdempotencyKeyHeader), request_body = NewGiftCard,
    responses((status = CREATED, description = "The gift card, with its code.", body = GiftCard)),
)]
async fn admin_issue_gift_card(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<NewGiftCard>,
) -> Answered<GiftCard> {
    let done = engine
        .issue_gift_card(&call.request(&bytes), value.into())
        .await?;
    let card = done.map(|card| GiftCard::issued(&card));
    let location = format!("/api/v1/admin/gift-cards/{}", card.value.id);
    Ok(Answer::done(card).created(location))
}

/// Shows a gift card with its ledger.
#[utoipa::path(
    get, path = "/api/v1/admin/gift-cards/{gift_card}", tag = "admin: gift cards and store credit",
    params(("gift_card" = String, Path, description = "The gift card's id.")),
    responses((status = OK, description = "The gift card.", body = GiftCard)),
)]
async fn admin_show_gift_card(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<StoredValue>,
) -> Answered<GiftCard> {
    let card = engine.gift_card(id).await?;
    Ok(Answer::entity(GiftCard::from(&card)))
}

/// Disables or enables a gift card, or changes its expiry or note.
///
/// What checkouts hold already stays held.
#[utoipa::path(
    patch, path = "/api/v1/admin/gift-cards/{gift_card}", tag = "admin: gift cards and store credit",
    params(("gift_card" = String, Path, description = "The gift card's id."), IfMatchHeader),
    request_body = GiftCardChanges,
    responses((status = OK, description = "The gift card.", body = GiftCard)),
)]
async fn admin_update_gift_card(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<StoredValue>,
    Changes(Json { value, bytes }): Changes<GiftCardChanges>,
) -> Answered<GiftCard> {
    let done = engine
        .update_gift_card(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|card| GiftCard::from(&card))))
}

/// Changes a gift card's balance.
///
/// Never below what checkouts hold of it.
#[utoipa::path(
    post, path = "/api/v1/admin/gift-cards/{gift_card}/adjustments", tag = "admin: gift cards and store credit",
    params(("gift_card" = String, Path, description = "The gift card's id."), IfMatchHeader, IdempotencyKeyHeader),
    request_body = BalanceAdjustment,
    responses((status = OK, description = "The gift card.", body = GiftCard)),
)]
async fn admin_adjust_gift_card(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<StoredValue>,
    Json { value, bytes }: Json<BalanceAdjustment>,
) -> Answered<GiftCard> {
    let done = engine
        .adjust_gift_card(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|card| GiftCard::from(&card))))
}

/// Lists a customer's store credit, one in each currency, with their ledgers.
#[utoipa::path(
    get, path = "/api/v1/admin/customers/{customer}/store-credit", tag = "admin: gift cards and store credit",
    params(("customer" = String, Path, description = "The customer's id."), PageQuery),
    responses((status = OK, description = "A page of store credit.", body = List<StoreCredit>)),
)]
async fn admin_list_store_credit(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(customer): Id<Customer>,
    Page(page): Page,
) -> Answered<List<StoreCredit>> {
    let found = engine.store_credit(customer, page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Changes a customer's store credit in one currency.
///
/// The first amount opens it. Never below what checkouts hold of it.
#[utoipa::path(
    post, path = "/api/v1/admin/customers/{customer}/store-credit/adjustments",
    tag = "admin: gift cards and store credit",
    params(("customer" = String, Path, description = "The customer's id."), IfMatchHeader, IdempotencyKeyHeader),
    request_body = BalanceAdjustment,
    responses((status = OK, description = "The store credit.", body = StoreCredit)),
)]
async fn admin_adjust_store_credit(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(customer): Id<Customer>,
    Json { value, bytes }: Json<BalanceAdjustment>,
) -> Answered<StoreCredit> {
    let done = engine
        .adjust_store_credit(&call.request(&bytes), customer, value.into())
        .await?;
    Ok(Answer::done(done.map(|credit| StoreCredit::from(&credit))))
}

/// Shows a customer's store credit in one currency, with its ledger.
#[utoipa::path(
    get, path = "/api/v1/admin/customers/{customer}/store-credit/{currency}", tag = "admin: gift cards and store credit",
    params(
        ("customer" = String, Path, description = "The customer's id."),
        ("currency" = String, Path, description = "The currency's code.", example = "GBP"),
    ),
    responses((status = OK, description = "The store credit.", body = StoreCredit)),
)]
async fn admin_show_store_credit(
    State(engine): State<Engine>,
    _: StaffOnly,
    Path((customer, currency)): Path<(String, String)>,
) -> Answered<StoreCredit> {
    let (customer, currency) = read(&customer, &currency)?;
    let credit = engine.store_credit_in(customer, currency).await?;
    Ok(Answer::entity(StoreCredit::from(&credit)))
}

/// Disables or enables a customer's store credit in one currency, or changes its note.
///
/// What checkouts hold already stays held.
#[utoipa::path(
    patch, path = "/api/v1/admin/customers/{customer}/store-credit/{currency}", tag = "admin: gift cards and store credit",
    params(
        ("customer" = String, Path, description = "The customer's id."),
        ("currency" = String, Path, description = "The currency's code.", example = "GBP"),
        IfMatchHeader,
    ),
    request_body = StoreCreditChanges,
    responses((status = OK, description = "The store credit.", body = StoreCredit)),
)]
async fn admin_update_store_credit(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Path((customer, currency)): Path<(String, String)>,
    Changes(Json { value, bytes }): Changes<StoreCreditChanges>,
) -> Answered<StoreCredit> {
    let (customer, currency) = read(&customer, &currency)?;
    let done = engine
        .update_store_credit(&call.request(&bytes), customer, currency, value.into())
        .await?;
    Ok(Answer::done(done.map(|credit| StoreCredit::from(&credit))))
}

/// Reads whose store credit is meant, and in which currency. In what is none nobody has any.
fn read(customer: &str, currency: &str) -> Result<(CustomerId, Currency), Refused> {
    let customer = entity_id::<Customer>(customer)?;
    let currency = currency.parse().map_err(|_| {
        let message = format!("there is no store credit in {currency}");
        Refused::new(Class::NotFound, "stored_value.not_found", message)
    })?;
    Ok((customer, currency))
}
