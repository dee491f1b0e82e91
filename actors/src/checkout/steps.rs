//! The names of the steps that a checkout takes at others, by which they keep its receipts. They are stored: a name that was
//! released stays.
//!
//! Those of what pays it beside the provider are with its [`tenders`](super::tenders).

/// At the cart: nobody changes it. Undone by [`UNLOCK_CART`].
pub(super) const LOCK_CART: &str = "lock_cart";
/// At the cart, of which only the lines were locked: nobody changes anything of it. Undone with the rest.
pub(super) const LOCK_DETAILS: &str = "lock_details";
/// At the cart: it is free again.
pub(super) const UNLOCK_CART: &str = "unlock_cart";
/// At the cart: it has become an order.
pub(super) const COMPLETE_CART: &str = "complete_cart";

/// At a stock item: units are kept for a while. Undone by [`RELEASE_STOCK`].
pub(super) const RESERVE_STOCK: &str = "reserve_stock";
/// At a stock item: they are kept as long as it takes. Undone with the reservation.
pub(super) const PIN_STOCK: &str = "pin_stock";
/// At a stock item: anybody may have them again.
pub(super) const RELEASE_STOCK: &str = "release_stock";
/// At a stock item: they are the order's.
pub(super) const ALLOCATE_STOCK: &str = "allocate_stock";

/// At a counter of uses: one is kept. Undone by [`RELEASE_USE`].
pub(super) const RESERVE_USE: &str = "reserve_use";
/// At a counter of uses: another may have it.
pub(super) const RELEASE_USE: &str = "release_use";
/// At a counter of uses: it is the order's.
pub(super) const COMMIT_USE: &str = "commit_use";

/// At the order: it is placed.
pub(super) const PLACE_ORDER: &str = "place_order";
/// At the order: it is paid.
pub(super) const RECORD_CAPTURE: &str = "record_capture";
/// At the order: what came too late was given back.
pub(super) const RECORD_LATE_REFUND: &str = "record_late_refund";

/// At the frozen quote, which was an entity of its own in an earlier build.
pub(super) const FREEZE_QUOTE: &str = "freeze_quote";
