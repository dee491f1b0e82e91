//! Use cases of shipping: the methods by which goods go out, and the carrier.

mod carrier;

pub(crate) use carrier::CarrierDesk;
pub use carrier::RatesDraft;
pub use cartwright_gateways::carrier::{Rate, Validation};

use crate::cart::CartRef;
use crate::engine::{Engine, unreadable};
use crate::once::{Shown, gone};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Outcome, Refused, Request};
use cartwright_domain::id::ShippingMethodId;
use cartwright_domain::shipping::{CreateMethod, DeleteMethod, Draft, Offer, ShippingMethod, UpdateMethod};
use cartwright_domain::{Class, Kind, Listing, Problem};

impl Engine {
    /// Lists the shipping methods by name.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn shipping_methods(&self, page: PageRequest) -> Result<Page<Shown<ShippingMethod>>, Refused> {
        self.page(
            &self.kinds().shipping_methods,
            Listing::ShippingMethods,
            b"",
            Order::Ascending,
            page,
        )
        .await
    }

    /// Returns the shipping methods a cart may choose, with what each would cost it; none where there is nothing to send.
    ///
    /// # Errors
    /// `cart.not_found`; `cart.address_missing` before there is an address.
    pub async fn shipping_options(&self, request: &Request, cart: CartRef) -> Result<Vec<Offer>, Refused> {
        let kinds = self.kinds();
        let found = self.resolve(request, cart).await?;
        if found.state.shipping_address().is_none() {
            let message = "shipping options depend on the shipping address; set it first";
            return Err(Problem::new(Class::Conflict, "cart.address_missing", message).into());
        }
        kinds.gather(found).await?.shipping_offers(kinds).await
    }

    /// Shows a shipping method.
    ///
    /// # Errors
    /// `shipping_method.not_found`.
    pub async fn shipping_method(&self, id: ShippingMethodId) -> Result<Shown<ShippingMethod>, Refused> {
        let read = self.kinds().shipping_methods.read(id).await.map_err(unreadable)?;
        read.ok_or_else(gone::<ShippingMethod>)
    }

    /// Makes a shipping method.
    ///
    /// # Errors
    /// Every bad field; `shipping.too_many_methods`.
    pub async fn create_shipping_method(
        &self,
        request: &Request,
        draft: Draft,
    ) -> Outcome<Shown<ShippingMethod>> {
        let _turn = self
            .inner()
            .kind_turns
            .take(request, [Kind::ShippingMethod])
            .await?;
        let methods = &self.kinds().shipping_methods;
        let command = CreateMethod {
            draft,
            existing: methods.roster().len(),
        };
        self.make(methods, self.draw(request, None), command, request)
            .await
    }

    /// Changes a shipping method. Quotes follow from the next read.
    ///
    /// # Errors
    /// `shipping_method.not_found`; every bad field.
    pub async fn update_shipping_method(
        &self,
        request: &Request,
        id: ShippingMethodId,
        draft: Draft,
    ) -> Outcome<Shown<ShippingMethod>> {
        self.run(
            &self.kinds().shipping_methods,
            id,
            UpdateMethod { draft },
            request,
        )
        .await
    }

    /// Deletes a shipping method. Placed orders keep its name and price.
    ///
    /// # Errors
    /// `shipping_method.not_found`.
    pub async fn delete_shipping_method(&self, request: &Request, id: ShippingMethodId) -> Outcome<()> {
        self.erase_rule(&self.kinds().shipping_methods, id, DeleteMethod, request)
            .await
    }
}
