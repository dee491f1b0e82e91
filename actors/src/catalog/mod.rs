//! Use cases of the catalog: products, variants, price lists, and the bulk imports.

mod import;
mod list_prices;
mod price_lists;

pub use import::ImportRow;
pub use list_prices::ListPriceRow;

use crate::engine::{Engine, unreadable};
use crate::inventory::stock_of;
use crate::once::{Shown, gone, replayed, shown};
use crate::page::{Order, Page, PageRequest};
use crate::request::{Done, Outcome, Refused, Request};
use crate::runtime::{AskError, Ticket};
use cartwright_domain::catalog::{
    CreateProduct, CreateVariant, Handle, ListPrice, PriceChange, Product, SetPrice, UpdateProduct,
    UpdateVariant, Variant, VariantDraft,
};
use cartwright_domain::error::FieldErrors;
use cartwright_domain::id::{ProductId, VariantId};
use cartwright_domain::money::Price;
use cartwright_domain::{Class, EntityId, Listing, Problem, Refusal, Seed, Unique, UniqueKey};
use cartwright_storage::Scan;
use futures::future::try_join_all;

/// The most variants of a product, which is shown with all of them.
pub const VARIANTS_MAX: usize = 500;

const TOO_MANY_VARIANTS: &str = "catalog.too_many_variants";

fn too_many_variants() -> String {
    format!("a product has at most {VARIANTS_MAX} variants; make another product of the others")
}

/// Returns how the variants of a product are looked up, by creation.
fn variants_of(product: ProductId) -> Scan {
    Scan {
        of: Listing::VariantsByProduct.into(),
        prefix: product.uuid().as_bytes().to_vec(),
        after: None,
        descending: false,
        limit: VARIANTS_MAX,
    }
}

/// A product with its variants.
#[derive(Clone, Debug)]
pub struct ProductView {
    /// The product.
    pub product: Shown<Product>,
    /// Its variants, by creation.
    pub variants: Vec<VariantView>,
}

/// A variant and what can be had of it.
#[derive(Clone, Debug)]
pub struct VariantView {
    /// The variant.
    pub variant: Shown<Variant>,
    /// To whom it is shown.
    pub visibility: Visibility,
    /// What one unit costs in the store's currency.
    pub price: Option<Price>,
    /// May it be bought now, its product's status and its price considered?
    pub for_sale: bool,
    /// Units that can be had; none when stock is not tracked.
    pub available: Option<i64>,
}

/// Which products are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Those a shopper may see.
    Published,
    /// All.
    All,
}

impl Engine {
    /// Lists products, newest first, with their variants.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn products(
        &self,
        visibility: Visibility,
        page: PageRequest,
    ) -> Result<Page<ProductView>, Refused> {
        let listing = match visibility {
            Visibility::Published => Listing::PublishedProducts,
            Visibility::All => Listing::Products,
        };
        let found = self
            .page(&self.kinds().products, listing, b"", Order::Descending, page)
            .await?;
        let views = found
            .items
            .into_iter()
            .map(|product| self.product_view(product, visibility));
        Ok(Page {
            items: try_join_all(views).await?,
            next: found.next,
        })
    }

    /// Shows a product.
    ///
    /// # Errors
    /// `product.not_found`, also for one that the visibility hides.
    pub async fn product(&self, visibility: Visibility, id: ProductId) -> Result<ProductView, Refused> {
        let product = self
            .kinds()
            .products
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Product>)?;
        if visibility == Visibility::Published && !product.state.is_published() {
            return Err(gone::<Product>());
        }
        self.product_view(product, visibility).await
    }

    /// Finds a product by its handle.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn product_by_handle(&self, handle: &str) -> Result<Option<ProductId>, Refused> {
        let key = UniqueKey::new(Unique::ProductHandle, handle);
        let found = self
            .inner()
            .runtime
            .store()
            .lookup(key)
            .await
            .map_err(unreadable)?;
        Ok(found.map(|entity| ProductId::from_uuid(entity.id)))
    }

    /// Finds a variant by its SKU.
    ///
    /// # Errors
    /// A fault of the store.
    pub async fn variant_by_sku(&self, sku: &str) -> Result<Option<VariantId>, Refused> {
        let key = UniqueKey::new(Unique::Sku, sku);
        let found = self
            .inner()
            .runtime
            .store()
            .lookup(key)
            .await
            .map_err(unreadable)?;
        Ok(found.map(|entity| VariantId::from_uuid(entity.id)))
    }

    /// Shows a variant.
    ///
    /// # Errors
    /// `variant.not_found`, also for one whose product the visibility hides.
    pub async fn variant(&self, visibility: Visibility, id: VariantId) -> Result<VariantView, Refused> {
        let variant = self
            .kinds()
            .variants
            .read(id)
            .await
            .map_err(unreadable)?
            .ok_or_else(gone::<Variant>)?;
        let product = self
            .kinds()
            .products
            .read(variant.state.product)
            .await
            .map_err(unreadable)?;
        let published = product.is_some_and(|product| product.state.is_published());
        if visibility == Visibility::Published && !published {
            return Err(gone::<Variant>());
        }
        self.variant_view(variant, visibility, published).await
    }

    /// Makes a product with its variants. A product whose variants cannot be is not made, and once it is made, they are.
    ///
    /// # Errors
    /// Every bad field; `product_handle.taken` for a given handle; `sku.taken`.
    pub async fn create_product(
        &self,
        request: &Request,
        command: CreateProduct,
        variants: Vec<VariantDraft>,
    ) -> Outcome<ProductView> {
        let drafts = variants.clone();
        let fresh = |ticket| self.create_product_fresh(request, command, variants, ticket);
        let replay = |receipt| async {
            let product = replayed::<Product, ()>(&self.kinds().products, receipt).await?;
            // The first time may have ended before it made them all.
            let skus = drafts.iter().map(|draft| draft.sku.as_str());
            let _turn = self.inner().sku_turns.take(request, skus).await?;
            self.create_variants_of(request, &product.state, drafts).await?;
            self.product_view(product, Visibility::All).await
        };
        self.once(request, fresh, replay).await
    }

    async fn create_product_fresh(
        &self,
        request: &Request,
        command: CreateProduct,
        variants: Vec<VariantDraft>,
        ticket: Option<Ticket>,
    ) -> Outcome<ProductView> {
        let mut errors = FieldErrors::default();
        errors.add_all("", command.check().err().unwrap_or_default());
        errors.add_all("", VariantDraft::check_all(&variants).err().unwrap_or_default());
        if VARIANTS_MAX < variants.len() {
            errors.add("/variants", TOO_MANY_VARIANTS, too_many_variants());
        }
        for (index, draft) in variants.iter().enumerate() {
            errors.add_all(
                &format!("/variants/{index}"),
                self.unknown_lists(&draft.list_prices, &[]),
            );
        }
        errors.into_result().map_err(refused_fields)?;
        // Each variant is a commit of its own, and yet all of them are made or none.
        let skus = variants.iter().map(|draft| draft.sku.as_str());
        let _turn = self.inner().sku_turns.take(request, skus).await?;
        for draft in &variants {
            if let Some(holder) = self.variant_by_sku(&draft.sku).await? {
                return Err(sku_taken(&draft.sku, holder));
            }
        }
        let id: ProductId = self.draw(request, None);
        let product = self.create_with_free_handle(request, id, command, ticket).await?;
        self.create_variants_of(request, &product.value.state, variants)
            .await?;
        let view = self.product_view(product.value, Visibility::All).await?;
        Ok(Done {
            value: view,
            replayed: product.replayed,
        })
    }

    /// Makes those variants of a new product that are not there yet.
    async fn create_variants_of(
        &self,
        request: &Request,
        product: &Product,
        variants: Vec<VariantDraft>,
    ) -> Result<(), Refused> {
        let seed = Seed(product.id.uuid()).derive(VariantId::PREFIX.as_bytes());
        // The same whenever they are drawn, so that a repeat finds what is there.
        let drawn = (0..).map(|nth| VariantId::from_uuid(seed.id(nth, product.created_at, None)));
        let mut ids: Vec<_> = drawn.take(variants.len()).collect();
        // Of variants that are made in one millisecond the id decides which is listed first.
        ids.sort_unstable();
        for (id, draft) in ids.into_iter().zip(variants) {
            let command = CreateVariant {
                product: product.id,
                draft,
            };
            let ask = request.ask().if_match(None);
            match self.kinds().variants.create(id, command, ask).await {
                Ok(_) | Err(AskError::AlreadyExists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Creates a product; a derived handle that is taken gets the id's end behind it.
    pub(crate) async fn create_with_free_handle(
        &self,
        request: &Request,
        id: ProductId,
        command: CreateProduct,
        ticket: Option<Ticket>,
    ) -> Outcome<Shown<Product>> {
        let products = &self.kinds().products;
        let ask = || request.ask().if_match(None).ticket(ticket.clone());
        match products.create(id, command.clone(), ask()).await {
            Err(AskError::KeyTaken { .. }) if command.handle.is_none() => {
                let digits = id.uuid().simple().to_string();
                let handle = Handle::derive(&command.title)
                    .map(|handle| handle.with_suffix(&digits[20..]).to_string());
                shown(
                    products
                        .create(id, CreateProduct { handle, ..command }, ask())
                        .await?,
                )
            }
            answer => shown(answer?),
        }
    }

    /// Changes a product.
    ///
    /// # Errors
    /// `product.not_found`; every bad field; `product_handle.taken`.
    pub async fn update_product(
        &self,
        request: &Request,
        id: ProductId,
        command: UpdateProduct,
    ) -> Outcome<ProductView> {
        let product = self.run(&self.kinds().products, id, command, request).await?;
        let view = self.product_view(product.value, Visibility::All).await?;
        Ok(Done {
            value: view,
            replayed: product.replayed,
        })
    }

    /// Adds a variant to a product.
    ///
    /// # Errors
    /// `product.not_found`; every bad field; `sku.taken`.
    pub async fn create_variant(
        &self,
        request: &Request,
        product: ProductId,
        draft: VariantDraft,
    ) -> Outcome<VariantView> {
        let _turn = self.inner().sku_turns.take(request, [draft.sku.as_str()]).await?;
        let command = async {
            let read = self.kinds().products.read(product).await.map_err(unreadable)?;
            read.ok_or_else(gone::<Product>)?;
            let variants = self.inner().runtime.store().scan(variants_of(product));
            if VARIANTS_MAX <= variants.await.map_err(unreadable)?.len() {
                let problem = Problem::new(Class::Conflict, TOO_MANY_VARIANTS, too_many_variants());
                return Err(problem.with("variants_max", VARIANTS_MAX).into());
            }
            let mut errors = draft.check().err().unwrap_or_default();
            errors.add_all("", self.unknown_lists(&draft.list_prices, &[]));
            errors.into_result().map_err(refused_fields)?;
            Ok(CreateVariant { product, draft })
        };
        let (variants, id) = (&self.kinds().variants, self.draw(request, None));
        let made = self.make_on_facts(variants, id, command, request).await?;
        self.shown_variant(made).await
    }

    /// Changes a variant.
    ///
    /// # Errors
    /// `variant.not_found`; every bad field; `sku.taken`.
    pub async fn update_variant(
        &self,
        request: &Request,
        id: VariantId,
        command: UpdateVariant,
    ) -> Outcome<VariantView> {
        let variants = &self.kinds().variants;
        if let Some(rows) = &command.list_prices
            && let Some(held) = variants.read(id).await.map_err(unreadable)?
        {
            let mut errors = command.changed(&held.state).err().unwrap_or_default();
            errors.add_all("", self.unknown_lists(rows, &held.state.list_prices));
            errors.into_result().map_err(refused_fields)?;
        }
        let _turn = self
            .inner()
            .sku_turns
            .take(request, command.sku.as_deref())
            .await?;
        let changed = self.run(variants, id, command, request).await?;
        self.shown_variant(changed).await
    }

    /// Names the prices by lists that are not there. Those that a variant holds of a list that has gone since may be sent
    /// again.
    fn unknown_lists(&self, rows: &[ListPrice], held: &[ListPrice]) -> FieldErrors {
        let lists = self.kinds().price_lists.roster();
        let mut errors = FieldErrors::default();
        for (at, row) in rows.iter().enumerate() {
            let is_known = lists.iter().any(|list| list.id == row.list) || held.contains(row);
            if !is_known {
                let pointer = format!("/list_prices/{at}/price_list_id");
                let message = format!("there is no price list {}", row.list);
                errors.add(pointer, "price_list.not_found", message);
            }
        }
        errors
    }

    /// Sets a variant's price, or takes it off sale.
    ///
    /// # Errors
    /// `variant.not_found`; a price below zero or too high; two in one currency.
    pub async fn set_price(
        &self,
        request: &Request,
        id: VariantId,
        price: PriceChange,
    ) -> Outcome<VariantView> {
        let changed = self
            .run(&self.kinds().variants, id, SetPrice { price }, request)
            .await?;
        self.shown_variant(changed).await
    }

    async fn shown_variant(&self, done: Done<Shown<Variant>>) -> Outcome<VariantView> {
        let view = self.variant(Visibility::All, done.value.id).await?;
        Ok(Done {
            value: view,
            replayed: done.replayed,
        })
    }

    pub(crate) async fn product_view(
        &self,
        product: Shown<Product>,
        visibility: Visibility,
    ) -> Result<ProductView, Refused> {
        let scan = variants_of(product.id);
        let published = product.state.is_published();
        let found = self.kinds().variants.list(scan).await.map_err(unreadable)?;
        let views = found
            .items
            .into_iter()
            .map(|variant| self.variant_view(variant, visibility, published));
        Ok(ProductView {
            variants: try_join_all(views).await?,
            product,
        })
    }

    async fn variant_view(
        &self,
        variant: Shown<Variant>,
        visibility: Visibility,
        published: bool,
    ) -> Result<VariantView, Refused> {
        let item = self
            .kinds()
            .stock_items
            .read(stock_of(variant.id))
            .await
            .map_err(unreadable)?;
        let settings = self.kinds().current_settings().await?;
        let is_offered = |currency| settings.offers(currency);
        let (book, state) = (&self.kinds().price_book, &variant.state);
        let by_list = || book.is_priced_by_list(&state.list_prices, is_offered, self.kinds());
        Ok(VariantView {
            price: state.prices.of(settings.currency),
            for_sale: published && state.is_for_sale(is_offered, by_list),
            available: item.and_then(|item| item.state.available()),
            visibility,
            variant,
        })
    }
}

fn sku_taken(sku: &str, holder: VariantId) -> Refused {
    let message = format!("the SKU {sku} belongs to {holder}");
    let problem = Problem::new(Class::Conflict, "sku.taken", message);
    Refused::from(problem.with("holder", holder.to_string()))
}

fn refused_fields(errors: FieldErrors) -> Refused {
    Refused::from(errors.problem())
}
