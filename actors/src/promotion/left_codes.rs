//! Codes that are good for one order go after their promotion, so that their names are free for others.

use super::coupon_codes::CODES_AT_ONCE;
use crate::engine::Kinds;
use crate::page::PAGE_LIMIT_MAX;
use crate::runtime::{Ask, AskError, Subscriber, Unhandled};
use cartwright_domain::id::PromotionId;
use cartwright_domain::promotion::{CouponCode, DeleteCouponCode};
use cartwright_domain::{EntityId, Kind, Listing};
use cartwright_storage::{Fact, Scan, Wanted};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};

/// The fact that codes follow from.
const PROMOTION_DELETED: &str = "promotion.deleted";

/// Deletes the codes of promotions that are deleted, behind a durable cursor.
pub(crate) struct LeftCodes {
    kinds: Kinds,
}

impl LeftCodes {
    pub(crate) fn new(kinds: Kinds) -> Self {
        Self { kinds }
    }
}

impl Subscriber for LeftCodes {
    fn name(&self) -> &'static str {
        "left-codes"
    }

    fn wants(&self) -> Wanted {
        Wanted::Only(&[(Kind::Promotion, PROMOTION_DELETED)])
    }

    fn on<'a>(&'a self, fact: &'a Fact) -> BoxFuture<'a, Result<(), Unhandled>> {
        let promotion = PromotionId::from_uuid(fact.entity.id);
        Box::pin(self.kinds.delete_codes_of(promotion))
    }
}

impl Kinds {
    /// Deletes every code of a promotion that is gone, page by page. Whoever is interrupted begins again with what is
    /// left.
    pub(super) async fn delete_codes_of(&self, promotion: PromotionId) -> Result<(), Unhandled> {
        let mut after = None;
        loop {
            let scan = Scan {
                of: Listing::CouponCodes.into(),
                prefix: CouponCode::listed_of(promotion),
                after: after.take(),
                descending: false,
                limit: PAGE_LIMIT_MAX,
            };
            let found = self.coupon_codes.list(scan).await?;
            let codes = stream::iter(found.items).map(|code| async move {
                let ask = Ask::internal("left-codes", self.randomness.seed());
                let delete = DeleteCouponCode { promotion };
                match self.coupon_codes.ask(code.id, delete, ask).await {
                    Ok(_) | Err(AskError::NotFound { .. }) => Ok(()),
                    Err(error) => Err(Unhandled::from(error)),
                }
            });
            let deletions = codes.buffer_unordered(CODES_AT_ONCE);
            deletions.try_for_each(|()| std::future::ready(Ok(()))).await?;
            match found.next {
                None => return Ok(()),
                next => after = next,
            }
        }
    }
}
