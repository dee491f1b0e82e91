//! The bulk import: one product with one variant a row, found by its SKU.
//!
//! A second run of the same rows changes nothing. The ids of a new product and its variant come from the SKU, so that a
//! run goes on where another was cut off between its writes. What that has made is known to the row that comes next.
//!
//! A row that is refused changes nothing: what can be known is judged before anything is written. Stock, of which only
//! its actor knows what is promised, is written first, so that a variant is never sold without the stock of its row.

use super::refused_fields;
use crate::engine::{Engine, unreadable};
use crate::import::{self, ImportedRow, RowOutcome};
use crate::inventory::stock_of;
use crate::once::{Shown, gone};
use crate::request::{Refused, Request};
use crate::runtime::AskError;
use cartwright_domain::catalog::{
    CreateProduct, CreateVariant, Image, PriceChange, Product, ProductStatus, UpdateProduct, UpdateVariant,
    Variant, VariantDraft,
};
use cartwright_domain::id::{ProductId, VariantId};
use cartwright_domain::inventory::{SetStock, StockLevels};
use cartwright_domain::money::Price;
use cartwright_domain::{Class, Entity, EntityId, Listing, Problem, Revision};
use cartwright_storage::Scan;
use uuid::Uuid;

/// How many rows of a call are at work at once.
const ROWS_AT_ONCE: usize = 64;
/// Where ids of imported products come from.
const IMPORTED_PRODUCTS: Uuid = Uuid::from_u128(0x7a1f_0d0c_93f4_4c57_9a55_2f0c_6e1d_3b01);

/// A row of a catalog, as somebody gave it. What is absent stays as it is, or gets the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// The row's number, for the report.
    pub row: u64,
    /// The SKU: which variant the row is about.
    pub sku: String,
    /// The title of the variant, and of its product while that has no other; of new ones the SKU when absent.
    pub title: Option<String>,
    /// The price in its currency; those in others stay. Without any a new variant is not for sale.
    pub price: Option<Price>,
    /// The tax category's code.
    pub tax_category: Option<String>,
    /// What one unit weighs.
    pub weight_grams: Option<u32>,
    /// The product's one image.
    pub image_url: Option<String>,
    /// The handles of all categories that the product is in.
    pub categories: Option<Vec<String>>,
    /// `active`, `draft` or `archived`; active when absent.
    pub status: Option<ProductStatus>,
    /// Units on hand; given, the stock is tracked.
    pub stock: Option<u64>,
}

impl import::Row for ImportRow {
    fn number(&self) -> u64 {
        self.row
    }

    fn subject(&self) -> &str {
        &self.sku
    }
}

impl Engine {
    /// Imports rows of a catalog. Rows of one SKU are done in their order, others side by side.
    ///
    /// # Errors
    /// `catalog.too_many_rows`; a refused row is no error but its outcome.
    pub async fn import_catalog(
        &self,
        request: &Request,
        rows: Vec<ImportRow>,
    ) -> Result<Vec<ImportedRow>, Refused> {
        let import = |row| self.import_row(request, row);
        import::each(rows, ROWS_AT_ONCE, import::too_many::CATALOG, import).await
    }

    async fn import_row(&self, request: &Request, row: ImportRow) -> Result<RowOutcome, Refused> {
        let sku = row.sku.clone();
        let _turn = self.inner().sku_turns.take(request, [sku.as_str()]).await?;
        if let Some(variant) = self.variant_by_sku(&row.sku).await? {
            return self.update_from_row(request, variant, row).await;
        }
        let mut product = derived(IMPORTED_PRODUCTS, &row.sku);
        loop {
            let variant = derived(product, &row.sku);
            let ids = (ProductId::from_uuid(product), VariantId::from_uuid(variant));
            match self.kinds().variants.read(ids.1).await.map_err(unreadable)? {
                None => return self.create_from_row(request, ids, row).await,
                Some(made) if made.state.sku.as_str() == row.sku => {
                    return self.update_from_row(request, ids.1, row).await; // Since it was looked for.
                }
                // It was made from such a row, and has been given another SKU since.
                Some(_) => product = derived(variant, &row.sku),
            }
        }
    }

    async fn create_from_row(
        &self,
        request: &Request,
        (product, variant): (ProductId, VariantId),
        row: ImportRow,
    ) -> Result<RowOutcome, Refused> {
        let title = title_of(&row).unwrap_or(&row.sku).to_owned();
        let draft = VariantDraft {
            sku: row.sku.clone(),
            title: Some(title.clone()),
            price: row.price.map(PriceChange::Set),
            tax_category: row.tax_category.clone(),
            weight_grams: row.weight_grams.unwrap_or_default(),
            ..VariantDraft::default()
        };
        draft.check().map_err(refused_fields)?;
        let command = CreateProduct {
            title,
            handle: None,
            description: String::new(),
            images: images_of(&row, &[]).unwrap_or_default(),
            categories: row.categories.clone().unwrap_or_default(),
            status: row.status.unwrap_or(ProductStatus::Active),
        };
        command.check().map_err(refused_fields)?;
        let products = &self.kinds().products;
        let there = products.read(product).await.map_err(unreadable)?;
        let change = match &there {
            Some(there) => Some(self.product_change(&row, there, variant).await?),
            None => None,
        };
        self.stock_from_row(request, variant, row.stock).await?;
        let ask = || request.ask().if_match(None);
        match change {
            Some(change) => drop(products.ask(product, change, ask()).await?),
            None => drop(
                self.create_with_free_handle(request, product, command, None)
                    .await?,
            ),
        }
        self.kinds()
            .variants
            .create(variant, CreateVariant { product, draft }, ask())
            .await?;
        Ok(RowOutcome::Created)
    }

    async fn update_from_row(
        &self,
        request: &Request,
        variant: VariantId,
        row: ImportRow,
    ) -> Result<RowOutcome, Refused> {
        let kinds = self.kinds();
        let before = kinds.variants.read(variant).await.map_err(unreadable)?;
        let before = before.ok_or_else(gone::<Variant>)?;
        let product = before.state.product;
        let product_before = kinds.products.read(product).await.map_err(unreadable)?;
        let product_before = product_before.ok_or_else(gone::<Product>)?;
        let title = title_of(&row).map(ToOwned::to_owned);
        let change = UpdateVariant {
            title,
            price: row.price.map(PriceChange::Set),
            tax_category: row.tax_category.clone(),
            weight_grams: row.weight_grams,
            ..UpdateVariant::default()
        };
        change.changed(&before.state).map_err(refused_fields)?;
        let product_change = self.product_change(&row, &product_before, variant).await?;
        let mut changed = self.stock_from_row(request, variant, row.stock).await?;
        let ask = || request.ask().if_match(None);
        let after = kinds.variants.ask(variant, change, ask()).await?;
        changed |= revision_of(&after.state) != Some(before.revision);
        let after = kinds.products.ask(product, product_change, ask()).await?;
        changed |= revision_of(&after.state) != Some(product_before.revision);
        Ok(if changed {
            RowOutcome::Updated
        } else {
            RowOutcome::Unchanged
        })
    }

    /// Tells whether a product has other variants, whose rows could not all say what the product is called.
    async fn has_others(&self, product: ProductId, variant: VariantId) -> Result<bool, Refused> {
        let scan = Scan {
            of: Listing::VariantsByProduct.into(),
            prefix: product.uuid().as_bytes().to_vec(),
            after: None,
            descending: false,
            limit: 2,
        };
        let found = self.kinds().variants.list(scan).await.map_err(unreadable)?;
        Ok(found.items.iter().any(|other| other.id != variant))
    }

    /// Returns what a row changes of its variant's product. One that has others is called what it is.
    ///
    /// # Errors
    /// Every bad field; `import.shared_product`.
    async fn product_change(
        &self,
        row: &ImportRow,
        product: &Shown<Product>,
        variant: VariantId,
    ) -> Result<UpdateProduct, Refused> {
        let mut change = UpdateProduct {
            title: title_of(row).map(ToOwned::to_owned),
            images: images_of(row, &product.state.images),
            categories: row.categories.clone(),
            status: row.status,
            ..UpdateProduct::default()
        };
        let changes = |change: &UpdateProduct| {
            let changed = change.changed(&product.state).map_err(refused_fields)?;
            Ok::<_, Refused>(changed != *product.state)
        };
        if changes(&change)? && self.has_others(product.id, variant).await? {
            change.title = None;
            if changes(&change)? {
                return Err(shared_product().into());
            }
        }
        Ok(change)
    }

    /// Sets the stock a row gives, and tells whether that changed anything. Without one the stock stays.
    async fn stock_from_row(
        &self,
        request: &Request,
        variant: VariantId,
        stock: Option<u64>,
    ) -> Result<bool, Refused> {
        let Some(on_hand) = stock else { return Ok(false) };
        let levels = StockLevels {
            tracked: Some(true),
            on_hand: Some(on_hand),
            ..StockLevels::default()
        };
        let items = &self.kinds().stock_items;
        let (item, ask) = (stock_of(variant), || request.ask().if_match(None));
        let command = self.new_stock(variant, levels).await?;
        match items.create(item, command, ask()).await {
            Ok(_) => Ok(true),
            Err(AskError::AlreadyExists { .. }) => {
                let before = items.read(item).await.map_err(unreadable)?;
                let after = items.ask(item, SetStock { levels }, ask()).await?;
                Ok(revision_of(&after.state) != before.map(|item| item.revision))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What a row of one variant says of a product with others: their rows could say something else, and each would undo the
/// other.
fn shared_product() -> Problem {
    let message = "its product has other variants; change the product's picture, categories and status by its id, and \
                   leave them out of the row";
    Problem::new(Class::Conflict, "import.shared_product", message)
}

/// Returns the id that comes of a SKU under another id, the same whenever it is asked for.
fn derived(of: Uuid, sku: &str) -> Uuid {
    Uuid::new_v5(&of, sku.as_bytes())
}

fn title_of(row: &ImportRow) -> Option<&str> {
    let given = row.title.as_deref().map(str::trim);
    given.filter(|title| !title.is_empty())
}

/// Returns the images that a row asks for; none where one that is there already has its address, which stays among the
/// others with its text.
fn images_of(row: &ImportRow, there: &[Image]) -> Option<Vec<Image>> {
    let url = row.image_url.as_ref()?;
    let is_there = there.iter().any(|image| image.url == *url);
    (!is_there).then(|| {
        vec![Image {
            url: url.clone(),
            alt: String::new(),
        }]
    })
}

fn revision_of<E: Entity>(state: &Option<Shown<E>>) -> Option<Revision> {
    state.as_ref().map(|state| state.revision)
}
