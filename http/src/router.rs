//! The whole router: the areas' routes with their reference, health, the page, and the layers around all of them.

use crate::{
    auth::StaffKeys,
    cart, catalog, checkout, customer,
    extract::Access,
    health::{self, Health},
    history,
    identity::{self, EngineSessions},
    inventory, layer, openapi, order, page, promotion,
    registry::{self, ReadUsage},
    settings, shipping, stored_value, tax,
};
use axum::extract::FromRef;
use cartwright_actors::Engine;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;

/// What the routes work with. A router copies it for every request, more than once.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

struct Parts {
    engine: Engine,
    access: Access,
    usage: ReadUsage,
}

impl Api {
    /// Makes the state of the routes: the engine behind them, the key that staff tokens are checked with, and how to
    /// learn what the process uses.
    pub fn new(engine: Engine, staff: Arc<StaffKeys>, usage: ReadUsage) -> Self {
        let access = Access::new(EngineSessions(engine.clone()), staff);
        Self(Arc::new(Parts {
            engine,
            access,
            usage,
        }))
    }
}

impl FromRef<Api> for Engine {
    fn from_ref(api: &Api) -> Self {
        api.0.engine.clone()
    }
}

impl FromRef<Api> for Access {
    fn from_ref(api: &Api) -> Self {
        api.0.access.clone()
    }
}

impl FromRef<Api> for ReadUsage {
    fn from_ref(api: &Api) -> Self {
        Arc::clone(&api.0.usage)
    }
}

/// Returns the areas' routes with their state, each with its description, for [`assemble`].
pub fn areas(api: Api) -> OpenApiRouter {
    described().with_state(api)
}

/// Returns the areas' routes, each with its description.
pub(crate) fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(identity::routes())
        .merge(catalog::routes())
        .merge(inventory::routes())
        .merge(tax::routes())
        .merge(shipping::routes())
        .merge(promotion::routes())
        .merge(stored_value::routes())
        .merge(cart::routes())
        .merge(checkout::routes())
        .merge(customer::routes())
        .merge(order::routes())
        .merge(settings::routes())
        .merge(history::routes())
        .merge(registry::routes())
}

/// Assembles what answers. `api` holds the areas' routes, each with its whole path, and has its state.
///
/// # Errors
/// When the API reference cannot be rendered, which is a programming error in a route's description.
pub fn assemble(
    api: OpenApiRouter,
    health: Arc<dyn Health>,
    options: &layer::Options,
) -> Result<layer::Around, serde_json::Error> {
    let whole = OpenApiRouter::with_openapi(openapi::base()).merge(api);
    let (routes, document) = whole.split_for_parts();
    let routes = routes
        .merge(openapi::routes(&openapi::complete(document))?)
        .merge(health::routes(health))
        .merge(page::routes(options.public_url.as_deref()));
    Ok(layer::Around::new(routes, options))
}
