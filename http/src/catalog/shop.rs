//! Routes of the catalog for shoppers: what is published.

use super::BySku;
use super::dto::{Product, Variant};
use crate::answer::{Answer, Answered};
use crate::dto::List;
use crate::extract::{Id, Name, Page, PageQuery, Params, entity_id};
use crate::problem::Refused;
use crate::router::Api;
use axum::extract::State;
use cartwright_actors::Engine;
use cartwright_actors::catalog::Visibility;
use cartwright_domain::Class;
use cartwright_domain::catalog;
use cartwright_domain::id::ProductId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_products))
        .routes(routes!(show_product))
        .routes(routes!(find_variants))
        .routes(routes!(show_variant))
}

/// Lists published products, newest first.
#[utoipa::path(
    get, path = "/api/v1/products", tag = "catalog", params(PageQuery),
    responses((status = OK, description = "A page of products.", body = List<Product>)),
)]
async fn list_products(State(engine): State<Engine>, Page(page): Page) -> Answered<List<Product>> {
    let found = engine.products(Visibility::Published, page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Shows a published product.
#[utoipa::path(
    get, path = "/api/v1/products/{product}", tag = "catalog",
    params(("product" = String, Path, description = "The product's id or handle.")),
    responses((status = OK, description = "The product.", body = Product)),
)]
async fn show_product(State(engine): State<Engine>, Name(product): Name) -> Answered<Product> {
    let id = product_id(&engine, &product).await?;
    let view = engine.product(Visibility::Published, id).await?;
    Ok(Answer::entity(Product::from(&view)))
}

/// Finds the variant with a SKU.
///
/// A list with one item, or with none.
#[utoipa::path(
    get, path = "/api/v1/variants", tag = "catalog", params(BySku),
    responses((status = OK, description = "The variant, if there is one.", body = List<Variant>)),
)]
async fn find_variants(State(engine): State<Engine>, Params(by): Params<BySku>) -> Answered<List<Variant>> {
    variants_by_sku(&engine, Visibility::Published, &by).await
}

/// Shows a variant of a published product.
#[utoipa::path(
    get, path = "/api/v1/variants/{variant}", tag = "catalog",
    params(("variant" = String, Path, description = "The variant's id.")),
    responses((status = OK, description = "The variant.", body = Variant)),
)]
async fn show_variant(State(engine): State<Engine>, Id(id): Id<catalog::Variant>) -> Answered<Variant> {
    let view = engine.variant(Visibility::Published, id).await?;
    Ok(Answer::entity(Variant::from(&view)))
}

/// Reads an id, or looks for the product with this handle.
async fn product_id(engine: &Engine, text: &str) -> Result<ProductId, Refused> {
    let not_found = match entity_id::<catalog::Product>(text) {
        Ok(id) => return Ok(id),
        Err(not_found) => not_found,
    };
    engine.product_by_handle(text).await?.ok_or(not_found)
}

/// Answers with the one variant of a SKU that may be seen, or with none.
pub(super) async fn variants_by_sku(
    engine: &Engine,
    visibility: Visibility,
    BySku { sku }: &BySku,
) -> Answered<List<Variant>> {
    let Some(id) = engine.variant_by_sku(sku).await? else {
        return Ok(Answer::plain(List::whole(Vec::new())));
    };
    let items = match engine.variant(visibility, id).await {
        Ok(view) => vec![Variant::from(&view)],
        Err(refused) if refused.problem.class == Class::NotFound => Vec::new(),
        Err(refused) => return Err(refused.into()),
    };
    Ok(Answer::plain(List::whole(items)))
}
