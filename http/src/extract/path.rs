//! Ids in addresses. What is no id leads to nothing, and answers as an unknown one does.

use crate::problem::Refused;
use axum::{
    extract::{self, FromRequestParts},
    http::request::Parts,
};
use cartwright_actors::history::no_history;
use cartwright_domain::{Class, Entity, EntityId, EntityKey, id};
use std::convert::Infallible;

/// The id of an entity, the one parameter of the route.
#[derive(Clone, Copy, Debug)]
pub struct Id<E: Entity>(pub E::Id);

impl<E: Entity, S: Send + Sync> FromRequestParts<S> for Id<E> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        entity_id::<E>(&text_of(parts, state).await).map(Self)
    }
}

/// The id of an entity of whatever kind, the one parameter of the route.
#[derive(Clone, Copy, Debug)]
pub struct AnyId(pub EntityKey);

impl<S: Send + Sync> FromRequestParts<S> for AnyId {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let entity = EntityKey::from_wire(&text_of(parts, state).await).ok_or_else(no_history)?;
        Ok(Self(entity))
    }
}

/// A name or a number by which somebody calls something, the one parameter of the route.
#[derive(Clone, Debug)]
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(text_of(parts, state).await))
    }
}

/// Returns the one parameter of the route; of what is no text, nothing.
async fn text_of<S: Send + Sync>(parts: &mut Parts, state: &S) -> String {
    let path = extract::Path::<String>::from_request_parts(parts, state).await;
    path.map(|extract::Path(text)| text).unwrap_or_default()
}

/// Reads the id of an entity.
///
/// # Errors
/// That there is none: `cart.not_found`.
pub fn entity_id<E: Entity>(text: &str) -> Result<E::Id, Refused> {
    id_of(text, E::KIND.name())
}

/// Reads an id of what `kind` names: `line`.
///
/// # Errors
/// That there is none: `line.not_found`.
pub fn id_of<I: EntityId>(text: &str, kind: &str) -> Result<I, Refused> {
    id::parse(text).map_err(|_| {
        let code = format!("{kind}.not_found");
        Refused::new(
            Class::NotFound,
            &code,
            format!("there is no such {}", kind.replace('_', " ")),
        )
    })
}
