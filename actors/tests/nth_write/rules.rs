//! Every use case that writes what the store decides: settings, tax, customers, promotions, price lists, shipping.

use crate::cases::{
    Case, GONE, LIMITED, NOTHING, PROMOTED, Preparing, case, customer, deleted, keyed, told_of_rows,
};
use crate::setup;
use crate::shop::By;
use crate::support::house::pence;
use cartwright_actors::customer::CustomerRow;
use cartwright_actors::promotion::{CodeAttempt, CodeRow, PromotionRow};
use cartwright_actors::tax::RateRow;
use cartwright_domain::promotion::DrawDraft;
use cartwright_domain::territory::TerritoryDraft;
use cartwright_domain::{customer, settings, shipping, tax};

const LISTED: Preparing = |desk| Box::pin(setup::listed(desk));

const ONE_CODE: Preparing = |desk| Box::pin(setup::with_one_code(desk));

pub(crate) const RULES: &[Case] = &[
    case("update_settings", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let draft = settings::Draft {
                cart_lines_max: Some(17),
                ..settings::Draft::default()
            };
            let updated = desk.engine.update_settings(request, draft).await?;
            Ok(format!("{:?}", updated.value.state.limits))
        })
    }),
    keyed("create_tax_zone", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let made = desk.engine.create_tax_zone(request, zone()).await?;
            Ok(made.value.state.name().to_owned())
        })
    }),
    case(
        "update_tax_zone",
        By::Staff,
        |desk| Box::pin(setup::zoned(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                let draft = tax::Draft {
                    name: Some("Wales".to_owned()),
                    ..tax::Draft::default()
                };
                let updated = desk
                    .engine
                    .update_tax_zone(request, setup.zone.unwrap(), draft)
                    .await?;
                Ok(updated.value.state.name().to_owned())
            })
        },
    ),
    case("import_tax_rates", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = RateRow {
                row: 1,
                place: "FR".to_owned(),
                zone: None,
                rate: tax::RateDraft {
                    category: "standard".to_owned(),
                    name: "TVA".to_owned(),
                    rate: "0.2".to_owned(),
                    ..tax::RateDraft::default()
                },
            };
            let imported = desk.engine.import_tax_rates(request, vec![row]).await?;
            told_of_rows(imported)
        })
    }),
    deleted(
        "delete_tax_zone",
        By::Staff,
        "tax_zone.not_found",
        |desk| Box::pin(setup::zoned(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                desk.engine.delete_tax_zone(request, setup.zone.unwrap()).await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed("create_customer", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let made = desk.engine.create_customer(request, customer("B-2")).await?;
            Ok(format!("{:?}", made.value.state.external_id))
        })
    }),
    case("import_customers", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = |row, external_id| CustomerRow {
                row,
                draft: customer(external_id),
            };
            let rows = vec![row(1, "B-2"), row(2, "C-3")];
            told_of_rows(desk.engine.import_customers(request, rows).await?)
        })
    }),
    case(
        "update_customer",
        By::Staff,
        |desk| Box::pin(setup::known(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                let draft = customer::Draft {
                    tax_exempt: Some(true),
                    ..customer::Draft::default()
                };
                let updated = desk
                    .engine
                    .update_customer(request, setup.customer.unwrap(), draft)
                    .await?;
                Ok(format!("{:?}", updated.value.state.tax))
            })
        },
    ),
    deleted(
        "delete_customer",
        By::Staff,
        "customer.not_found",
        |desk| Box::pin(setup::known(desk)),
        |desk, setup, request| {
            Box::pin(async move {
                desk.engine
                    .delete_customer(request, setup.customer.unwrap())
                    .await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed("create_promotion", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let made = desk.engine.create_promotion(request, setup::tenth("TWO")).await?;
            Ok(made.value.promotion.state.name.to_string())
        })
    }),
    case("import_promotions", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let row = PromotionRow {
                row: 1,
                draft: setup::tenth("TWO"),
            };
            let imported = desk.engine.import_promotions(request, vec![row]).await?;
            told_of_rows(imported)
        })
    }),
    keyed("judge_codes", By::Staff, LIMITED, |desk, _, request| {
        Box::pin(async move {
            let attempt = CodeAttempt {
                code: "ten".to_owned(),
                email: Some("grace@example.com".to_owned()),
                redeem: true,
                ..CodeAttempt::default()
            };
            let attempts = vec![attempt.clone(), attempt];
            let verdicts = desk.engine.judge_codes(request, attempts).await?.value;
            let codes = verdicts.iter().flatten().map(|problem| &problem.code);
            Ok(format!(
                "{} judged, refused {:?}",
                verdicts.len(),
                codes.collect::<Vec<_>>()
            ))
        })
    }),
    case("update_promotion", By::Staff, PROMOTED, |desk, setup, request| {
        Box::pin(async move {
            let draft = setup::tenth("OTHER");
            let updated = desk
                .engine
                .update_promotion(request, setup.promotion.unwrap(), draft);
            Ok(format!("{:?}", updated.await?.value.promotion.state.code))
        })
    }),
    deleted(
        "delete_promotion",
        By::Staff,
        "promotion.not_found",
        PROMOTED,
        |desk, setup, request| {
            Box::pin(async move {
                let promotion = setup.promotion.unwrap();
                desk.engine.delete_promotion(request, promotion).await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed("add_codes", By::Staff, PROMOTED, |desk, setup, request| {
        Box::pin(async move {
            let promotion = setup.promotion.unwrap();
            let codes = ["ten-0001", "ten-0002", "TEN-0001"].map(str::to_owned);
            let added = desk.engine.add_codes(request, promotion, codes.to_vec()).await?;
            let outcomes: Vec<_> = added.value.into_iter().map(|row| row.outcome).collect();
            Ok(format!("{outcomes:?}"))
        })
    }),
    case("import_codes", By::Staff, PROMOTED, |desk, _, request| {
        Box::pin(async move {
            let row = CodeRow {
                row: 1,
                promotion: "ten".to_owned(),
                code: "ten-0001".to_owned(),
                is_used: true,
            };
            told_of_rows(desk.engine.import_codes(request, vec![row]).await?)
        })
    }),
    keyed("draw_codes", By::Staff, PROMOTED, |desk, setup, request| {
        Box::pin(async move {
            let draft = DrawDraft {
                count: 2,
                ..DrawDraft::default()
            };
            let drawn = desk.engine.draw_codes(request, setup.promotion.unwrap(), draft);
            Ok(format!("{} drawn", drawn.await?.value.len()))
        })
    }),
    deleted(
        "delete_code",
        By::Staff,
        "coupon_code.not_found",
        ONE_CODE,
        |desk, setup, request| {
            Box::pin(async move {
                let promotion = setup.promotion.unwrap();
                desk.engine.delete_code(request, promotion, "ten-0001").await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed("create_price_list", By::Staff, NOTHING, |desk, _, request| {
        Box::pin(async move {
            let made = desk.engine.create_price_list(request, setup::list_of(3)).await?;
            Ok(made.value.state.name.clone())
        })
    }),
    case("update_price_list", By::Staff, LISTED, |desk, setup, request| {
        Box::pin(async move {
            let list = setup.price_list.unwrap();
            let updated = desk
                .engine
                .update_price_list(request, list, setup::list_of(4))
                .await?;
            Ok(format!("{:?}", updated.value.state.priority))
        })
    }),
    deleted(
        "delete_price_list",
        By::Staff,
        "price_list.not_found",
        LISTED,
        |desk, setup, request| {
            Box::pin(async move {
                let list = setup.price_list.unwrap();
                desk.engine.delete_price_list(request, list).await?;
                Ok(GONE.to_owned())
            })
        },
    ),
    keyed(
        "create_shipping_method",
        By::Staff,
        NOTHING,
        |desk, _, request| {
            Box::pin(async move {
                let draft = shipping::Draft {
                    name: Some("Courier".to_owned()),
                    territory: TerritoryDraft::of(&["GB"]),
                    price: Some(pence(900)),
                    ..shipping::Draft::default()
                };
                let made = desk.engine.create_shipping_method(request, draft).await?;
                Ok(made.value.state.name().to_owned())
            })
        },
    ),
    case(
        "update_shipping_method",
        By::Staff,
        NOTHING,
        |desk, _, request| {
            Box::pin(async move {
                let draft = shipping::Draft {
                    price: Some(pence(400)),
                    ..shipping::Draft::default()
                };
                let method = desk.goods.method;
                let updated = desk.engine.update_shipping_method(request, method, draft).await?;
                Ok(format!("{:?}", updated.value.state.tariffs()))
            })
        },
    ),
    deleted(
        "delete_shipping_method",
        By::Staff,
        "shipping_method.not_found",
        NOTHING,
        |desk, _, request| {
            Box::pin(async move {
                desk.engine
                    .delete_shipping_method(request, desk.goods.method)
                    .await?;
                Ok(GONE.to_owned())
            })
        },
    ),
];

fn zone() -> tax::Draft {
    tax::Draft {
        name: Some("Ireland".to_owned()),
        territory: TerritoryDraft::of(&["IE"]),
        rates: Some(Vec::new()),
    }
}
