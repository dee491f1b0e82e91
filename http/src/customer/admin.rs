//! Routes of customers for staff.

use super::dto::{ByName, Customer, CustomerInput};
use crate::answer::{Answer, Answered, gone};
use crate::dto::{IdempotencyKeyHeader, IfMatchHeader, List};
use crate::extract::{Changes, Id, Json, Page, PageQuery, Params, StaffCall, StaffOnly};
use crate::problem::{Document, MEDIA_TYPE, Refused};
use crate::router::Api;
use axum::extract::State;
use axum::response::Response;
use cartwright_actors::Engine;
use cartwright_domain::customer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Returns the routes.
pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(admin_list_customers, admin_create_customer))
        .routes(routes!(
            admin_show_customer,
            admin_update_customer,
            admin_delete_customer
        ))
        .merge(super::import::routes())
}

/// Lists customers, newest first, or finds the one with an external id or an e-mail address.
#[utoipa::path(
    get, path = "/api/v1/admin/customers", tag = "admin: customers", params(PageQuery, ByName),
    responses((status = OK, description = "A page of customers, or the one that was looked for.", body = List<Customer>)),
)]
async fn admin_list_customers(
    State(engine): State<Engine>,
    _: StaffOnly,
    Params(by): Params<ByName>,
    Page(page): Page,
) -> Answered<List<Customer>> {
    let mut names = by.names();
    if let Some(name) = names.next() {
        let mut found = engine.find_customer(&name).await?;
        for name in names {
            let other = engine.find_customer(&name).await?;
            found = found.filter(|found| other.is_some_and(|other| other.id == found.id));
        }
        let items = found.iter().map(Customer::from).collect();
        return Ok(Answer::plain(List::whole(items)));
    }
    let found = engine.customers(page).await?;
    Ok(Answer::plain(List::of(&found)))
}

/// Makes a customer.
///
/// An external id or an e-mail address is needed.
#[utoipa::path(
    post, path = "/api/v1/admin/customers", tag = "admin: customers",
    params(IdempotencyKeyHeader), request_body = CustomerInput,
    responses((status = CREATED, description = "The customer.", body = Customer)),
)]
async fn admin_create_customer(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Json { value, bytes }: Json<CustomerInput>,
) -> Answered<Customer> {
    let done = engine
        .create_customer(&call.request(&bytes), value.into())
        .await?;
    let customer = done.map(|customer| Customer::from(&customer));
    let location = format!("/api/v1/admin/customers/{}", customer.value.id);
    Ok(Answer::done(customer).created(location))
}

/// Shows a customer.
#[utoipa::path(
    get, path = "/api/v1/admin/customers/{customer}", tag = "admin: customers",
    params(("customer" = String, Path, description = "The customer's id.")),
    responses((status = OK, description = "The customer.", body = Customer)),
)]
async fn admin_show_customer(
    State(engine): State<Engine>,
    _: StaffOnly,
    Id(id): Id<customer::Customer>,
) -> Answered<Customer> {
    let customer = engine.customer(id).await?;
    Ok(Answer::entity(Customer::from(&customer)))
}

/// Changes a customer.
///
/// Carts that are for it follow from their next read.
#[utoipa::path(
    patch, path = "/api/v1/admin/customers/{customer}", tag = "admin: customers",
    params(("customer" = String, Path, description = "The customer's id."), IfMatchHeader),
    request_body = CustomerInput,
    responses((status = OK, description = "The customer.", body = Customer)),
)]
async fn admin_update_customer(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<customer::Customer>,
    Changes(Json { value, bytes }): Changes<CustomerInput>,
) -> Answered<Customer> {
    let done = engine
        .update_customer(&call.request(&bytes), id, value.into())
        .await?;
    Ok(Answer::done(done.map(|customer| Customer::from(&customer))))
}

/// Deletes a customer.
///
/// Orders keep what they were placed with.
#[utoipa::path(
    delete, path = "/api/v1/admin/customers/{customer}", tag = "admin: customers",
    params(("customer" = String, Path, description = "The customer's id."), IfMatchHeader),
    responses(
        (status = NO_CONTENT, description = "It is gone."),
        (status = CONFLICT, description = "The store owes them store credit (`customer.has_store_credit`).", body = Document, content_type = MEDIA_TYPE),
    ),
)]
async fn admin_delete_customer(
    State(engine): State<Engine>,
    StaffCall(call): StaffCall,
    Id(id): Id<customer::Customer>,
) -> Result<Response, Refused> {
    let done = engine.delete_customer(&call.request(&[]), id).await?;
    Ok(gone(&done))
}
