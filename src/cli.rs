//! The command line: what can be said, and nothing about what it does.

use cartwright::config;
use cartwright_http::auth::TOKEN_DAYS_DEFAULT;
use cartwright_storage::DiskLoad;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// A commerce engine in one self-contained binary.
#[derive(Debug, Parser)]
#[command(name = "cartwright", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// The configuration file [default: cartwright.toml, if it exists]
    #[arg(long, global = true, env = "CARTWRIGHT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the store on a data directory
    Serve(config::Arguments),
    /// Run a store with a real catalog loaded, to try things with
    Demo(config::Arguments),
    /// Load a catalog, or a table of something else, from a CSV, TSV or JSON Lines file into a running server
    Import(Import),
    /// Write the codes that are each good for one order to a file that `import` reads
    Export(Export),
    /// Have a running server judge coupon codes that were tried elsewhere
    Judge(Judge),
    /// Play a shop's invoices through a running server, as its guests would
    Replay(Replay),
    /// Put load on a server and measure it
    Bench(Bench),
    /// The bare handler that bench compares with
    #[command(hide = true)]
    BenchBare(BenchBare),
    /// Measure what this disk's fdatasync allows
    DiskCheck(DiskCheck),
    /// Issue a staff token; the server may be running
    Token(Token),
    /// Show, check or explain the configuration
    Config {
        /// What to do with it.
        #[command(subcommand)]
        action: ConfigAction,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Print every option with its sentence and its default
    Default,
    /// Report everything that is wrong with the configuration
    Check(config::Arguments),
    /// Print every option with its value and the source that set it
    Show(config::Arguments),
}

#[derive(Debug, Args)]
pub(crate) struct DiskCheck {
    /// The data directory, or where it is to be [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How many writes are measured, of each of three kinds
    #[arg(long, default_value_t = DiskLoad::default().writes, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) writes: u32,
    /// How large each write is, in bytes; made whole sectors, as the journal's are
    #[arg(long, default_value_t = DiskLoad::default().write_bytes, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(crate) write_bytes: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The server's data directory, which holds the key [default: as configured]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// For how many days from now, by this machine's clock; a server started with --accept-clock may be ahead of it
    #[arg(long, default_value_t = TOKEN_DAYS_DEFAULT, value_name = "N")]
    pub(crate) days: u32,
    /// Who is to have it: histories say so, and idempotency keys belong to that name
    #[arg(long, default_value = "operator", value_name = "TEXT")]
    pub(crate) name: String,
}

/// Which server, and as whom.
#[derive(Clone, Debug, Args)]
pub(crate) struct Remote {
    /// The address of the running server
    #[arg(
        long,
        env = "CARTWRIGHT_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// A staff token, as the server's first start or `cartwright token` printed it
    #[arg(long, env = "CARTWRIGHT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub(crate) token: Option<String>,
}

/// A known file layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// The UCI "Online Retail" data set and the files derived from it
    OnlineRetail,
    /// The folder of the "Complete Journey" data set: campaigns, coupons, the households they are for, products
    CompleteJourney,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file: .csv, .tsv or .jsonl, with or without .zst; the folder of a preset that has several
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Which column holds which field, for example sku=Code,title=Name,price=Price; the fields are sku, title, price,
    /// currency, tax_category, weight_grams, image_url, status, stock and categories; FIELD= for none [default: columns
    /// of the fields' names]
    #[arg(long, value_name = "FIELD=COLUMN,...", conflicts_with_all = ["preset", "Tables"])]
    pub(crate) map: Option<String>,
    /// The columns of a known layout
    #[arg(long, conflicts_with = "Tables")]
    pub(crate) preset: Option<Preset>,
    /// The currency of prices whose row names none [default: the store's]
    #[arg(long, value_name = "CODE", conflicts_with = "Tables")]
    pub(crate) currency: Option<String>,
    /// What the file is a table of, unless of a catalog.
    #[command(flatten)]
    pub(crate) tables: Tables,
    /// Columns of the file that are passed over, whatever they say
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',')]
    pub(crate) ignore: Vec<String>,
    /// Read the whole file without sending anything; what only the server can judge is not checked
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// What a file is a table of. None of them: a catalog.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Tables {
    /// The file is a table of tax rates, with the columns place, zone, category, tax, name, rate, valid_from and
    /// valid_until; place, name and rate are needed
    #[arg(long)]
    pub(crate) rates: bool,
    /// The file is a table of promotions, with the columns name, code, requires_code, off (order, lines or shipping),
    /// percentage, amount, currency, categories, customer_groups, subtotal_from, quantity_from, starts_at, ends_at,
    /// priority, exclusive, usage_limit, usage_limit_per_customer and enabled; name is needed
    #[arg(long)]
    pub(crate) promotions: bool,
    /// The file is a table of codes that are each good for one order, with the columns promotion (its id, code or name),
    /// code and used; promotion and code are needed
    #[arg(long)]
    pub(crate) codes: bool,
    /// The file is a table of prices by lists, with the columns list, sku, price, currency, from_quantity, groups,
    /// priority, valid_from, valid_until and enabled; list, sku, price and currency are needed
    #[arg(long)]
    pub(crate) price_lists: bool,
    /// The file is a table of customers, with the columns external_id, email, groups, tax_exempt and vat_number; one of
    /// the first two is needed
    #[arg(long)]
    pub(crate) customers: bool,
    /// The file is a table of gift cards that were issued elsewhere, with the columns code (8 to 32 letters and digits),
    /// balance, currency, expires_at, customer (external id or e-mail address), email and note; the first three are
    /// needed
    #[arg(long)]
    pub(crate) gift_cards: bool,
    /// The file is a table of store credit that customers have from elsewhere, with the columns customer (external id or
    /// e-mail address), amount, currency and reason, all needed
    #[arg(long)]
    pub(crate) store_credit: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where to write, .csv or .tsv [default: stdout, as CSV]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write the codes that are each good for one order, with the columns code, promotion, used and created
    #[arg(long, required = true)]
    pub(crate) codes: bool,
    /// Only those of this promotion, by its id, code or name
    #[arg(long, value_name = "PROMOTION")]
    pub(crate) promotion: Option<String>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct Judge {
    /// The attempts in their order, with the columns code, at, external_id, email, sku, redeem (yes or no), id and
    /// expected (ok or why not): .csv, .tsv or .jsonl, with or without .zst; code is needed
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The layout of the file
    #[arg(long)]
    pub(crate) preset: Option<AttemptsPreset>,
    /// Where to write each attempt's id, or its number, and its verdict, tab-separated
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// A known layout of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AttemptsPreset {
    /// Those made of the "Complete Journey" data set, all of which count, with verdicts in its words
    CompleteJourney,
}

/// A known layout of invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InvoicesPreset {
    /// The UCI "Online Retail" data set and the files derived from it
    OnlineRetail,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The invoice lines, in the order of time: a .csv file, with or without .zst
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The layout of the files
    #[arg(long, default_value = "online-retail")]
    pub(crate) preset: InvoicesPreset,
    /// A JSON object from the file's country names to country codes, beside those that are built in
    #[arg(long, value_name = "FILE")]
    pub(crate) country_map: Option<PathBuf>,
    /// Where to write invoice, order number, total in minor units and outcome, tab-separated
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// How many carts are filled at once
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,
    /// Opening and closing stock of each code: sets the first, plays all rows in file order, compares the last
    #[arg(long, value_name = "FILE")]
    pub(crate) stock: Option<PathBuf>,
    /// Price each order at its invoice's date by the store's own tax zones, and print the tax by country; the store's
    /// prices must be without tax
    #[arg(long)]
    pub(crate) vat: bool,
    /// Play only the first N invoices
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// A kind of load, as the performance page defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Open a cart
    W1,
    /// Add one unit of one of ten variants to one's own cart
    W2,
    /// Read a cart of ten lines
    W3,
    /// A guest's whole purchase of three lines, its mail included
    W4,
    /// W2 with every client on one cart
    W5,
    /// W4 with every buyer on one variant
    W8,
    /// W2 where every request wakes a sleeping cart
    W9,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["work", "all", "growth", "from"]).required(true).multiple(true))]
pub(crate) struct Bench {
    /// One kind of load, on a running server that is there for it alone: it adds variants and orders, and w4 and w8 leave free
    /// shipping and an untaxed zone to everywhere. The bare handler and the disk beside it are this machine's
    #[arg(long, conflicts_with_all = ["all", "growth", "from", "page"])]
    pub(crate) work: Option<Work>,
    /// Every kind of load, each on a server of its own that starts empty, with the options that are the default: --url, --token
    /// and --config are not looked at
    #[arg(long)]
    pub(crate) all: bool,
    /// What becomes of it all as the shop grows, on servers of its own; takes minutes
    #[arg(long)]
    pub(crate) growth: bool,
    /// Take what is not measured now from the JSON of an earlier run
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// How many connections send requests, each the next one when the last is answered [default: 64; w4 and w8: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) connections: Option<u16>,
    /// How many operations a second, spread evenly over the connections, whether or not the last ones are answered; where its
    /// own last one is not, a connection sends the next as soon as it is [default: each the next when the last is answered]
    #[arg(long, requires = "work", conflicts_with_all = ["all", "growth", "from"], value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) rate: Option<u64>,
    /// How long to measure, after a warm-up of a fifth of it; parts of a second are allowed. At a --rate above what the server
    /// does it takes longer, until all that was due is answered
    #[arg(long, default_value = "10", value_name = "N", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// How often all works are measured, one after the other, and of the growth the sizes and the long carts; each goal is
    /// judged by its round in the middle
    #[arg(long, default_value_t = 3, conflicts_with = "work", value_name = "N", value_parser = clap::value_parser!(u8).range(1..=99))]
    pub(crate) rounds: u8,
    /// How many carts the growth goes up to. A tenth of them are the ceiling of those in memory, the idle ones and the variants
    /// that are imported; a fifth, up to 2,000 and 500, the lines of the longest carts; a hundredth, w9's carts (at least
    /// 400) and those whose snapshots are weighed
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=100_000_000))]
    pub(crate) carts: u32,
    /// Write one JSON object, to a file or instead of the table
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
    /// Write the performance page to this file, and its plot beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
    /// Measure the server only, not this machine's limits
    #[arg(long)]
    pub(crate) no_limits: bool,
    /// A directory on the disk to measure: the running server's data, or where servers of its own keep theirs [default:
    /// the temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

/// The longest time that may be measured.
const SECONDS_MAX: Duration = Duration::from_secs(86_400);

/// The shortest.
const SECONDS_MIN: Duration = Duration::from_millis(50);

/// Reads seconds with a decimal point.
fn seconds(text: &str) -> Result<Duration, String> {
    let range = || "write seconds, from 0.05 to 86400".to_owned();
    let seconds: f64 = text.parse().map_err(|_| range())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|_| range())?;
    if time < SECONDS_MIN || SECONDS_MAX < time {
        return Err(range());
    }
    Ok(time)
}

#[derive(Debug, Args)]
pub(crate) struct BenchBare {
    /// The size of each answer's body, in bytes
    #[arg(long)]
    pub(crate) response_bytes: usize,
}
