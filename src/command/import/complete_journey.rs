//! The "Complete Journey" data set: a grocer's campaigns and coupons, and the households they were for.
//!
//! A coupon of a campaign becomes a promotion with a code of its own, `coupon-campaign`: about the products it covers
//! there, for the group of households that the campaign targets, from its first day to the end of its last, once for
//! each. What a coupon was worth the data does not say. Only products that a coupon covers are loaded; none has a price.

use super::batch::Batch;
use super::columns::{NamedTable, Values};
use super::{CATALOG, ImportRow, Tally};
use crate::cli::Import;
use crate::client::{Connection, Pages, Server};
use crate::output;
use anyhow::{bail, ensure};
use cartwright_domain::catalog::TITLE_LENGTH_MAX;
use cartwright_domain::text;
use hyper::header::HeaderValue;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::ExitCode;

/// What a coupon takes off, as the data does not say: a tenth of what it covers.
const WORTH: &str = "0.1";

/// Returns the code of a coupon in a campaign.
pub(crate) fn code(coupon: &str, campaign: &str) -> String {
    format!("{coupon}-{campaign}")
}

/// Returns the handle of the group of customers that a campaign targets.
fn group(campaign: &str) -> String {
    format!("campaign-{campaign}")
}

/// When a campaign's coupons are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Days {
    first: Date,
    /// The day after the last.
    end: Date,
}

/// A household that a campaign targets.
#[derive(Debug, PartialEq, Eq)]
struct Household {
    /// Where it stands first.
    line: u64,
    groups: BTreeSet<String>,
}

/// A product that a coupon covers.
#[derive(Debug, PartialEq, Eq)]
struct Product {
    line: u64,
    sku: String,
    title: Option<String>,
}

/// A coupon of a campaign.
#[derive(Debug, PartialEq, Eq)]
struct Coupon {
    line: u64,
    days: Days,
    /// Which products it covers, by their places.
    products: BTreeSet<usize>,
}

/// What the files say.
#[derive(Debug, Default)]
struct Journey {
    campaigns: BTreeMap<String, Days>,
    households: BTreeMap<String, Household>,
    products: Vec<Product>,
    /// Where each product is in the list.
    places: HashMap<String, usize>,
    /// By coupon and campaign.
    coupons: BTreeMap<(String, String), Coupon>,
    /// Whose code each is, as a store tells codes apart.
    codes: HashMap<String, (String, String)>,
    /// The rows that could not be read.
    unread: Tally,
}

/// Runs the import. Refused rows make the exit code 1.
///
/// # Errors
/// What stopped it, and what to do about it.
pub(super) async fn run(arguments: &Import) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.ignore.is_empty(),
        "--ignore is for one file, and this data set is a folder of several"
    );
    let journey = Journey::read(&arguments.file)?;
    if arguments.dry_run {
        let rows = journey.products.len() + journey.households.len() + journey.coupons.len();
        return Ok(journey.unread.finish_dry(rows)?);
    }
    let server = Server::new(&arguments.remote)?;
    let mut shop = Shop {
        staff: server.staff()?.clone(),
        connection: Connection::open(&server).await?,
        refused: journey.unread.refused,
    };
    shop.load_products(&journey.products).await?;
    shop.load_households(&journey).await?;
    let variants = shop.variants(&journey).await?;
    shop.load_coupons(&journey, &variants).await?;
    if journey.unread.refused > 0 {
        output::line(format!(
            "rows that are not of the files' form: refused {}",
            journey.unread.refused
        ))?;
    }
    Ok(match shop.refused {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

impl Journey {
    /// Reads the files of a folder. Rows that cannot be read are reported.
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut journey = Self::default();
        let columns = &["campaign_id", "start_date", "end_date"];
        journey.each(folder, "campaigns", columns, Self::campaign)?;
        let columns = &["campaign_id", "household_id"];
        journey.each(folder, "campaign_households", columns, Self::household)?;
        let columns = &["coupon_upc", "product_id", "campaign_id"];
        journey.each(folder, "coupons", columns, Self::coupon)?;
        let columns = &["product_id", "product_type"];
        journey.each(folder, "products", columns, Self::title)?;
        Ok(journey)
    }

    fn each(
        &mut self,
        folder: &Path,
        name: &str,
        columns: &'static [&'static str],
        read: impl Fn(&mut Self, u64, &mut Values) -> Result<(), String>,
    ) -> anyhow::Result<()> {
        let files = [format!("{name}.csv"), format!("{name}.csv.zst")].map(|file| folder.join(file));
        let Some(file) = files.iter().find(|file| file.is_file()) else {
            bail!(
                "there is no {} and none with .zst behind; give the folder of the data set",
                files[0].display()
            );
        };
        let mut table = NamedTable::open(file, columns, columns)?;
        while let Some((line, values)) = table.next_row()? {
            let done = values.and_then(|mut values| read(self, line, &mut values));
            if let Err(reason) = done {
                self.unread.refuse(line, name, &reason)?;
            }
        }
        Ok(())
    }

    fn campaign(&mut self, _: u64, values: &mut Values) -> Result<(), String> {
        let id = values.needed("campaign_id")?;
        let mut date = |name: &str| {
            let text = values.needed(name)?;
            let date = text.parse::<Date>();
            date.map_err(|_| format!("{name}: {text:?} is no date; write 2017-03-03"))
        };
        let (first, last) = (date("start_date")?, date("end_date")?);
        let end = last
            .tomorrow()
            .map_err(|_| format!("end_date: there is no day after {last}"))?;
        let days = Days { first, end };
        if self.campaigns.get(&id).is_some_and(|known| *known != days) {
            return Err(format!("campaign {id} stands here twice, with other days"));
        }
        self.campaigns.insert(id, days);
        Ok(())
    }

    fn household(&mut self, line: u64, values: &mut Values) -> Result<(), String> {
        let campaign = values.needed("campaign_id")?;
        let id = values.needed("household_id")?;
        let household = self.households.entry(id).or_insert_with(|| Household {
            line,
            groups: BTreeSet::new(),
        });
        household.groups.insert(group(&campaign));
        Ok(())
    }

    fn coupon(&mut self, line: u64, values: &mut Values) -> Result<(), String> {
        let (upc, sku) = (values.needed("coupon_upc")?, values.needed("product_id")?);
        let campaign = values.needed("campaign_id")?;
        let days = self.campaigns.get(&campaign).copied();
        let days = days.ok_or_else(|| format!("campaigns has no campaign {campaign}"))?;
        let own = self.codes.entry(code(&upc, &campaign).to_ascii_uppercase());
        let (other, its_campaign) = own.or_insert_with(|| (upc.clone(), campaign.clone()));
        if (&*other, &*its_campaign) != (&upc, &campaign) {
            return Err(format!(
                "coupon {upc} of campaign {campaign} would have the code of coupon {other} of campaign {its_campaign}"
            ));
        }
        let place = match self.places.get(&sku) {
            Some(place) => *place,
            None => {
                let place = self.products.len();
                self.places.insert(sku.clone(), place);
                let title = None;
                self.products.push(Product { line, sku, title });
                place
            }
        };
        let coupon = self.coupons.entry((upc, campaign)).or_insert_with(|| Coupon {
            line,
            days,
            products: BTreeSet::new(),
        });
        coupon.products.insert(place);
        Ok(())
    }

    fn title(&mut self, _: u64, values: &mut Values) -> Result<(), String> {
        let id = values.needed("product_id")?;
        if let Some(place) = self.places.get(&id) {
            // Nothing depends on a title: what of it has room is one.
            let title = values.take("product_type");
            let title = title.map(|title| text::fitted(&title, TITLE_LENGTH_MAX));
            self.products[*place].title = title.filter(|title| !title.is_empty());
        }
        Ok(())
    }
}

/// Returns a coupon as a row of promotions.
fn promotion(upc: &str, campaign: &str, coupon: &Coupon, variants: &[Option<String>]) -> Value {
    let products = coupon.products.iter();
    let covered: Vec<&String> = products.filter_map(|place| variants[*place].as_ref()).collect();
    json!({
        "row": coupon.line,
        "promotion": {
            "name": format!("Coupon {upc} of campaign {campaign}"),
            "code": code(upc, campaign),
            "usage_limit_per_customer": 1,
            "conditions": {
                "customer_groups": [group(campaign)],
                "starts_at": coupon.days.first.to_string(),
                "ends_at": coupon.days.end.to_string(),
                "items": { "variants": covered },
            },
            "actions": [{ "type": "lines", "percentage": WORTH }],
            "enabled": true,
        },
    })
}

/// The server that the data set is loaded into.
struct Shop {
    staff: HeaderValue,
    connection: Connection,
    /// How many rows were refused up to now.
    refused: u64,
}

impl Shop {
    async fn load_products(&mut self, products: &[Product]) -> anyhow::Result<()> {
        let rows = products.iter().map(|product| {
            let row = ImportRow {
                title: product.title.clone(),
                ..ImportRow::of(product.line, product.sku.clone())
            };
            (product.line, row)
        });
        self.load("products", CATALOG, rows).await
    }

    async fn load_households(&mut self, journey: &Journey) -> anyhow::Result<()> {
        let kept = self.other_groups(journey).await?;
        let rows = journey.households.iter().map(|(id, household)| {
            let kept = kept.get(id).into_iter().flatten();
            let groups: BTreeSet<&String> = household.groups.iter().chain(kept).collect();
            let customer = json!({ "external_id": id, "groups": groups });
            let row = json!({ "row": household.line, "customer": customer });
            (household.line, row)
        });
        self.load("households", "/admin/customers/import", rows).await
    }

    /// Finds the groups that households are in already, but for those of the folder's campaigns: of other months'
    /// campaigns, and what staff have given them.
    async fn other_groups(&mut self, journey: &Journey) -> anyhow::Result<HashMap<String, Vec<String>>> {
        #[derive(Deserialize)]
        struct Found {
            external_id: Option<String>,
            groups: Vec<String>,
        }
        let own: BTreeSet<String> = journey.campaigns.keys().map(|campaign| group(campaign)).collect();
        let mut others = HashMap::new();
        let mut pages = Pages::of("/admin/customers");
        while let Some(page) = pages.next::<Found>(&mut self.connection, &self.staff).await? {
            for mut found in page {
                let household = found.external_id.filter(|id| journey.households.contains_key(id));
                if let Some(household) = household {
                    found.groups.retain(|group| !own.contains(group));
                    others.insert(household, found.groups);
                }
            }
        }
        Ok(others)
    }

    async fn load_coupons(&mut self, journey: &Journey, variants: &[Option<String>]) -> anyhow::Result<()> {
        let rows = journey.coupons.iter().map(|((upc, campaign), coupon)| {
            let row = promotion(upc, campaign, coupon, variants);
            (coupon.line, row)
        });
        self.load("coupons", "/admin/promotions/import", rows).await
    }

    /// Sends rows, each with its line, call by call, and says what became of them.
    async fn load<R: Serialize>(
        &mut self,
        what: &'static str,
        path: &str,
        rows: impl ExactSizeIterator<Item = (u64, R)>,
    ) -> anyhow::Result<()> {
        let bar = output::progress(u64::try_from(rows.len())?, what);
        let mut tally = Tally::default();
        let mut batch = Batch::default();
        let mut rows = rows.peekable();
        while let Some((line, row)) = rows.next() {
            if let Err(reason) = batch.add(&row) {
                bar.suspend(|| tally.refuse(line, "", &reason))?;
            }
            if batch.is_full() || rows.peek().is_none() {
                let batch = std::mem::take(&mut batch);
                bar.inc(u64::try_from(batch.rows())?);
                let results = batch.send(path, &mut self.connection, &self.staff).await?;
                bar.suspend(|| tally.add(&results))?;
            }
        }
        bar.finish_and_clear();
        self.refused += tally.refused;
        output::line(format!("{what}: {}", tally.told()))?;
        Ok(())
    }

    /// Finds the variant of each product.
    async fn variants(&mut self, journey: &Journey) -> anyhow::Result<Vec<Option<String>>> {
        #[derive(Deserialize)]
        struct Found {
            variants: Vec<Variant>,
        }
        #[derive(Deserialize)]
        struct Variant {
            id: String,
            sku: String,
        }
        let bar = output::progress(u64::try_from(journey.products.len())?, "finding variants");
        let mut found = vec![None; journey.products.len()];
        let mut pages = Pages::of("/admin/products");
        while let Some(page) = pages.next::<Found>(&mut self.connection, &self.staff).await? {
            for variant in page.into_iter().flat_map(|product| product.variants) {
                if let Some(place) = journey.places.get(&variant.sku) {
                    found[*place] = Some(variant.id);
                    bar.inc(1);
                }
            }
        }
        bar.finish_and_clear();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journey(coupons: &str) -> Journey {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            (
                "campaigns",
                "campaign_id,campaign_type,start_date,end_date\n26,Type B,2017-03-03,2017-04-09\n27,Type A,never,2017-04-09\n\
                 26,Type B,2017-03-03,2017-04-09\n26,Type B,2017-05-03,2017-06-09\n",
            ),
            (
                "campaign_households",
                "campaign_id,household_id\n26,105\n25,105\n26,7\n",
            ),
            (
                "products",
                "product_id,product_type\nP-1,\"FRZN\nICE\"\nP-9,BREAD\n",
            ),
            ("coupons", coupons),
        ] {
            let file = folder.path().join(format!("{name}.csv"));
            std::fs::write(file, text).expect("the folder is writable");
        }
        Journey::read(folder.path()).expect("the files are there")
    }

    #[test]
    fn two_coupons_of_one_code_do_not_overwrite_each_other() {
        let journey = journey("coupon_upc,product_id,campaign_id\nabc,P-1,26\nABC,P-2,26\nabc,P-2,26\n");
        // Besides what is wrong with the campaigns.
        assert_eq!((journey.coupons.len(), journey.unread.refused), (1, 3));
        let coupon = &journey.coupons[&("abc".to_owned(), "26".to_owned())];
        assert_eq!(coupon.products.len(), 2);
    }

    #[test]
    fn a_coupon_is_a_promotion_about_what_it_covers_in_its_campaign() {
        let rows = "10,P-1,26\n10,P-2,26\n10,P-1,26\n10,P-2,27\n11,P-2,26\n";
        let journey = journey(&format!("coupon_upc,product_id,campaign_id\n{rows}"));
        // The campaign that never starts and the coupon of it, and other days of one that has its days.
        assert_eq!(journey.unread.refused, 3);
        let titles: Vec<_> = journey
            .products
            .iter()
            .map(|product| product.title.as_deref())
            .collect();
        assert_eq!(titles, [Some("FRZN ICE"), None]);
        let groups = &journey.households["105"].groups;
        assert_eq!(groups.iter().collect::<Vec<_>>(), ["campaign-25", "campaign-26"]);
        let coupon = &journey.coupons[&("10".to_owned(), "26".to_owned())];
        let row = promotion("10", "26", coupon, &[Some("var_1".to_owned()), None]);
        let (promotion, conditions) = (&row["promotion"], &row["promotion"]["conditions"]);
        assert_eq!((&row["row"], &promotion["code"]), (&json!(2), &json!("10-26")));
        assert_eq!(
            (&conditions["starts_at"], &conditions["ends_at"]),
            (&json!("2017-03-03"), &json!("2017-04-10"))
        );
        assert_eq!(conditions["customer_groups"], json!(["campaign-26"]));
        assert_eq!(conditions["items"]["variants"], json!(["var_1"]));
    }
}
