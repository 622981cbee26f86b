"""Read a shop's settings and rules into the form that the mapping uses."""

from __future__ import annotations

from listings.mapping.value_types import Defaults, PriceRule, Rule
from shops.models import MappingRule, Shop


def defaults_of(shop: Shop) -> Defaults:
    """Return the shop's defaults and rules."""
    said = shop.sync_settings
    return Defaults(
        condition=said.default_condition,
        category=said.default_category,
        shipping_profile=said.default_shipping_profile,
        upc_does_not_apply=said.upc_does_not_apply,
        handmade=said.default_handmade,
        offers=said.default_offers_enabled,
        make_from=said.make_from,
        model_from=said.model_from,
        rules=tuple(
            Rule((row.by, row.value.strip().lower()), row.field, row.says, f"{row.get_by_display()}: {row.value}")
            for row in MappingRule.objects.filter(shop=shop)
        ),
        price=PriceRule(said.price_percent, said.price_amount, said.price_rounding, said.price_floor),
    )
