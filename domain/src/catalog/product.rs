//! The product: what a shopper looks at.

use super::{
    CATEGORIES_MAX, DESCRIPTION_LENGTH_MAX, Error, Handle, IMAGE_ALT_LENGTH_MAX, IMAGE_URL_LENGTH_MAX,
    IMAGES_MAX, ProductEvent, TITLE_LENGTH_MAX,
};
use crate::entity::{Command, Context, Create, Entity, Keys, NoTimer, PastBody};
use crate::error::{Broken, FieldErrors, ensure};
use crate::id::{EntityId, ProductId};
use crate::kind::{Kind, Listing, ListingKey, Unique, UniqueKey};
use crate::text;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a shopper looks at. Its variants point to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Its name for people.
    pub title: String,
    /// Its name in addresses.
    pub handle: Handle,
    /// What there is to say about it; may be empty.
    pub description: String,
    /// Its images, the first one first.
    pub images: Vec<Image>,
    /// The handles of the categories it is in, sorted.
    pub categories: Arc<[Handle]>,
    /// May shoppers see it?
    pub status: ProductStatus,
    /// When it came into being.
    pub created_at: Timestamp,
}

/// An image, by reference: the engine keeps no image data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where it lies: an `http` or `https` address, or a path from the root of the storefront.
    pub url: String,
    /// What stands for it where it cannot be seen; may be empty.
    pub alt: String,
}

/// May shoppers see a product?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProductStatus {
    /// Not yet.
    Draft,
    /// Yes.
    Active,
    /// No longer.
    Archived,
}

impl Product {
    /// Tells whether shoppers may see it.
    pub fn is_published(&self) -> bool {
        match self.status {
            ProductStatus::Active => true,
            ProductStatus::Draft | ProductStatus::Archived => false,
        }
    }
}

impl Entity for Product {
    const KIND: Kind = Kind::Product;
    const SCHEMA: u16 = 2;
    type Id = ProductId;
    type Event = ProductEvent;
    type Timer = NoTimer;
    type Error = Error;

    fn decode_past<B: PastBody>(schema: u16, body: &B) -> Result<Self, String> {
        match schema {
            1 => body.read::<Product1>().map(Self::from),
            _ => Err(format!("{} has no schema {schema}", Self::KIND)),
        }
    }

    fn invariants(&self) -> Result<(), Broken> {
        ensure(!self.title.is_empty(), "a product has a title")?;
        ensure(
            self.images.len() <= IMAGES_MAX,
            "a product has at most IMAGES_MAX images",
        )?;
        ensure(
            self.categories.len() <= CATEGORIES_MAX && self.categories.is_sorted(),
            "the categories of a product are sorted, CATEGORIES_MAX at most",
        )
    }

    fn keys(&self) -> Keys {
        let created = self.created_at.sort_key();
        let mut listing = vec![ListingKey::new(Listing::Products, created)];
        if self.is_published() {
            listing.push(ListingKey::new(Listing::PublishedProducts, created));
        }
        Keys {
            unique: vec![UniqueKey::new(Unique::ProductHandle, self.handle.as_str())],
            listing,
        }
    }

    fn wake(&mut self, timer: NoTimer, _: &mut Context<'_, Self>) -> Result<(), Error> {
        match timer {}
    }
}

/// A product of schema 1: in no category.
#[derive(Deserialize)]
struct Product1 {
    id: ProductId,
    title: String,
    handle: Handle,
    description: String,
    images: Vec<Image>,
    status: ProductStatus,
    created_at: Timestamp,
}

impl From<Product1> for Product {
    fn from(past: Product1) -> Self {
        Self {
            id: past.id,
            title: past.title,
            handle: past.handle,
            description: past.description,
            images: past.images,
            categories: Arc::default(),
            status: past.status,
            created_at: past.created_at,
        }
    }
}

/// Brings a product into being, without variants.
#[derive(Clone, Debug)]
pub struct CreateProduct {
    /// Its name for people.
    pub title: String,
    /// Its name in addresses; derived from the title when absent.
    pub handle: Option<String>,
    /// What there is to say about it.
    pub description: String,
    /// Its images.
    pub images: Vec<Image>,
    /// The handles of its categories.
    pub categories: Vec<String>,
    /// May shoppers see it?
    pub status: ProductStatus,
}

impl CreateProduct {
    /// Checks every field, so that nothing is made beside a product that cannot be.
    ///
    /// # Errors
    /// Every bad field.
    pub fn check(&self) -> Result<(), FieldErrors> {
        let nowhere = ProductId::from_uuid(uuid::Uuid::nil());
        self.clone().product(nowhere, Timestamp::default()).map(|_| ())
    }

    fn product(self, id: ProductId, created_at: Timestamp) -> Result<Product, FieldErrors> {
        let mut errors = FieldErrors::default();
        let title = errors.take("/title", text::line(&self.title, TITLE_LENGTH_MAX));
        let handle = match &self.handle {
            Some(handle) => errors.take("/handle", Handle::parse(handle)),
            None => Handle::derive(&self.title).or_else(|| Handle::derive(&id.to_string())),
        };
        check_description(&self.description, &mut errors);
        check_images(&self.images, &mut errors);
        let categories = check_categories(&self.categories, &mut errors);
        let (Some(title), Some(handle), true) = (title, handle, errors.is_empty()) else {
            return Err(errors);
        };
        let Self {
            description,
            images,
            status,
            ..
        } = self;
        Ok(Product {
            id,
            title,
            handle,
            description,
            images,
            categories,
            status,
            created_at,
        })
    }
}

impl Create<Product> for CreateProduct {
    const NAME: &'static str = "catalog.create_product";
    type Reply = ();

    fn create(self, id: ProductId, cx: &mut Context<'_, Product>) -> Result<(Product, ()), Error> {
        let product = self.product(id, cx.now())?;
        cx.emit(ProductEvent::ProductCreated {
            handle: product.handle.clone(),
            status: product.status,
        });
        Ok((product, ()))
    }
}

/// Changes some of a product. What is `None` stays; what changes nothing is no change.
#[derive(Clone, Debug, Default)]
pub struct UpdateProduct {
    /// Its name for people.
    pub title: Option<String>,
    /// Its name in addresses. It does not follow the title.
    pub handle: Option<String>,
    /// What there is to say about it.
    pub description: Option<String>,
    /// All of its images.
    pub images: Option<Vec<Image>>,
    /// The handles of all of its categories.
    pub categories: Option<Vec<String>>,
    /// May shoppers see it?
    pub status: Option<ProductStatus>,
}

impl UpdateProduct {
    /// Returns the product as the change leaves it.
    ///
    /// # Errors
    /// Every bad field.
    pub fn changed(&self, product: &Product) -> Result<Product, FieldErrors> {
        let mut errors = FieldErrors::default();
        let mut changed = product.clone();
        if let Some(title) = &self.title {
            changed.title = errors
                .take("/title", text::line(title, TITLE_LENGTH_MAX))
                .unwrap_or_default();
        }
        if let Some(handle) = &self.handle {
            changed.handle = errors
                .take("/handle", Handle::parse(handle))
                .unwrap_or(changed.handle);
        }
        if let Some(description) = &self.description {
            check_description(description, &mut errors);
            changed.description.clone_from(description);
        }
        if let Some(images) = &self.images {
            check_images(images, &mut errors);
            changed.images.clone_from(images);
        }
        if let Some(categories) = &self.categories {
            changed.categories = check_categories(categories, &mut errors);
        }
        changed.status = self.status.unwrap_or(changed.status);
        errors.into_result()?;
        Ok(changed)
    }
}

impl Command<Product> for UpdateProduct {
    const NAME: &'static str = "catalog.update_product";
    type Reply = ();

    fn apply(self, product: &mut Product, cx: &mut Context<'_, Product>) -> Result<(), Error> {
        let changed = self.changed(product)?;
        if changed != *product {
            *product = changed;
            cx.emit(ProductEvent::ProductUpdated {
                handle: product.handle.clone(),
                status: product.status,
            });
        }
        Ok(())
    }
}

fn check_description(description: &str, errors: &mut FieldErrors) {
    let length = description.chars().count();
    if DESCRIPTION_LENGTH_MAX < length {
        let error = text::Error::TooLong {
            length,
            max: DESCRIPTION_LENGTH_MAX,
        };
        errors.take::<(), _>("/description", Err(error));
    }
}

fn check_categories(categories: &[String], errors: &mut FieldErrors) -> Arc<[Handle]> {
    if CATEGORIES_MAX < categories.len() {
        let message = format!("at most {CATEGORIES_MAX} categories are possible");
        errors.add("/categories", "catalog.too_many_categories", message);
    }
    let mut read = BTreeSet::new();
    for (index, category) in categories.iter().enumerate().take(CATEGORIES_MAX) {
        read.extend(errors.take(&format!("/categories/{index}"), Handle::parse(category)));
    }
    read.into_iter().collect()
}

fn check_images(images: &[Image], errors: &mut FieldErrors) {
    if IMAGES_MAX < images.len() {
        errors.add(
            "/images",
            "catalog.too_many_images",
            format!("at most {IMAGES_MAX} images are possible"),
        );
    }
    for (index, Image { url, alt }) in images.iter().enumerate().take(IMAGES_MAX) {
        let pointer = format!("/images/{index}/url");
        let is_address = ["https://", "http://", "/"]
            .iter()
            .any(|start| url.starts_with(start));
        if errors
            .take(&pointer, text::check_line(url, IMAGE_URL_LENGTH_MAX))
            .is_some()
            && (!is_address || url.contains(char::is_whitespace))
        {
            let message = "an image's address starts with https://, http:// or / and has no blanks";
            errors.add(pointer, "catalog.invalid_image_url", message);
        }
        errors.take(
            &format!("/images/{index}/alt"),
            text::check_line(alt, IMAGE_ALT_LENGTH_MAX),
        );
    }
}
