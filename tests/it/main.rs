//! The promises, tested from outside: over HTTP, on the command line, and on the tree itself.

mod addresses;
mod bench;
mod carriers;
mod cart_refusals;
mod carts;
mod catalog;
mod checkout;
mod cli;
mod documented;
mod edge;
mod fake_shop;
mod gift_card_payments;
mod gift_cards;
mod idempotency;
mod imports;
mod mail;
mod orders;
mod payments;
mod prices;
mod process;
mod promotions;
mod protocol;
mod races;
mod sessions;
mod shipping;
mod slow_disk;
mod staff;
#[path = "../support/mod.rs"]
mod support;
mod tax_tables;
mod taxes;
mod tidy;
mod totals;
mod trade;
mod usage_limits;
mod vat;
