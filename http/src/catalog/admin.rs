//! Routes of the catalog for staff.

use super::BySku;
use super::dto::{NewProduct, NewVariant, Product, ProductChange, Variant, VariantChange};
use super::shop::variants_by_sku;
use crate::answer::{Answer, Answered};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List, Price};
use crate::extract::{Changes, Id, Json, Page, PageQuery, Params, StaffCall, StaffOnly};
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::catalog::Visibility;
use cartwright_domain::catalog::{self, PriceChange};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_products, admin_create_product))
        .routes(routes!(admin_show_product, admin_update_product))
        .routes(routes!(admin_create_variant))
        .routes(routes!(admin_find_variants))
        .routes(routes!(admin_show_variant, admin_update_variant))
        .routes(routes!(admin_set_price))
}

/// Lists all products, newest first.
#[utoipa::path(
    get, path = "/api/v1/admin/products", tag = "admin: catalog", params(PageQuery),
    responses((status = OK, description = "A page of products.", body = List<Product>)),
)]
async fn admin_list_products(
    State(engine): State<Engine>,
    _: StaffOnly,
    Page(page): Page,
) -> Answered<List<Product>> {
    let found = engine.products(Visibility::All, page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a product with its variants.
#[utoipa::path(
    post, path = "/api/v1/admin/products", tag = "admin: catalog",
    params(IdempotencyKeyHeader), request_body = NewProduct,
    responses((status = CREATED, description = "The product.", body = Product)),
)]
async fn admin_create_product(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<NewProduct>,
) -> Answered<Product> {
    let (command, variants) = value.into();
    let done = engine
        .create_product(&call.request(&bytes), command, variants)
        .await?;
    let product = done.map(|view| Product::from(&view));
    let location = format!("/api/v1/admin/products/{}", product.value.id);
    Ok(Answer::done(product).created(location))
}

/// Shows a product.
#[utoipa::path(
    get, path = "/api/v1/admin/products/{product}", tag = "admin: catalog",
    params(("product" = String, Path, description = "The product's id.")),
    responses((status = OK, description = "The product.", body = Product)),
)]
async fn admin_show_product(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<catalog::Product>,
) -> Answered<Product> {
    let view = engine.product(Visibility::All, id).await?;
    Ok(Answer::entity(Product::from(&view)))
}

/// Changes a product.
#[utoipa::path(
    patch, path = "/api/v1/admin/products/{product}", tag = "admin: catalog",
    params(("product" = String, Path, description = "The product's id."), IfMatchHeader),
    request_body = ProductChange,
    responses((status = OK, description = "The product.", body = Product)),
)]
async fn admin_update_product(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::Product>,
    Changes(Json { value, bytes }): Changes<ProductChange>,
) -> Answered<Product> {
    let done = engine
        .update_product(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|view| Product::from(&view))))
}

/// Adds a variant to a product.
#[utoipa::path(
    post, path = "/api/v1/admin/products/{product}/variants", tag = "admin: catalog",
    params(("product" = String, Path, description = "The product's id."), IdempotencyKeyHeader),
    request_body = NewVariant,
    responses((status = CREATED, description = "The variant.", body = Variant)),
)]
async fn admin_create_variant(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::Product>,
    Json { value, bytes }: Json<NewVariant>,
) -> Answered<Variant> {
    let done = engine
        .create_variant(&call.request(&bytes), id, value.into())
        .await?;
    let variant = done.map(|view| Variant::from(&view));
    let location = format!("/api/v1/admin/variants/{}", variant.value.id);
    Ok(Answer::done(variant).created(location))
}

/// Finds the variant with a SKU.
///
/// A list with one item, or with none.
#[utoipa::path(
    get, path = "/api/v1/admin/variants", tag = "admin: catalog", params(BySku),
    responses((status = OK, description = "The variant, if there is one.", body = List<Variant>)),
)]
async fn admin_find_variants(
    State(engine): State<Engine>,
    _: StaffOnly,
    Params(by): Params<BySku>,
) -> Answered<List<Variant>> {
    variants_by_sku(&engine, Visibility::All, &by).await
}

/// Shows a variant.
#[utoipa::path(
    get, path = "/api/v1/admin/variants/{variant}", tag = "admin: catalog",
    params(("variant" = String, Path, description = "The variant's id.")),
    responses((status = OK, description = "The variant.", body = Variant)),
)]
async fn admin_show_variant(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<catalog::Variant>,
) -> Answered<Variant> {
    let view = engine.variant(Visibility::All, id).await?;
    Ok(Answer::entity(Variant::from(&view)))
}

/// Changes a variant.
#[utoipa::path(
    patch, path = "/api/v1/admin/variants/{variant}", tag = "admin: catalog",
    params(("variant" = String, Path, description = "The variant's id."), IfMatchHeader),
    request_body = VariantChange,
    responses((status = OK, description = "The variant.", body = Variant)),
)]
async fn admin_update_variant(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::Variant>,
    Changes(Json { value, bytes }): Changes<VariantChange>,
) -> Answered<Variant> {
    let done = engine
        .update_variant(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|view| Variant::from(&view))))
}

/// Sets a variant's price in one currency.
///
/// Prices in other currencies stay. `null` takes it off sale: no price is left but those by lists.
#[utoipa::path(
    put, path = "/api/v1/admin/variants/{variant}/price", tag = "admin: catalog",
    params(("variant" = String, Path, description = "The variant's id."), IfMatchHeader),
    request_body = Option<Price>,
    responses((status = OK, description = "The variant.", body = Variant)),
)]
async fn admin_set_price(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<catalog::Variant>,
    Json { value, bytes }: Json<Option<Price>>,
) -> Answered<Variant> {
    let price = match value {
        Some(Price(price)) => PriceChange::Set(price),
        None => PriceChange::Replace(Vec::new()),
    };
    let done = engine.set_price(&call.request(&bytes), id, price).await?;
    Ok(Answer::done(done.map(|view| Variant::from(&view))))
}
