"""This room listens for a shop's change of store."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ListingsConfig(AppConfig):
    """The room of products, listings and jobs."""

    name = "listings"

    def ready(self) -> None:
        """Begin to listen."""
        from listings import models  # noqa: PLC0415 -- tables are there only now
        from listings.orders import place  # noqa: PLC0415
        from shops.signals import store_replaced  # noqa: PLC0415

        def forget_products(shop: Any, **_: object) -> None:
            """Forget the old store's products. Their listings stay on Reverb: the new store's find them by SKU."""
            place.store_replaced(shop)
            models.Walk.objects.filter(shop=shop).delete()
            models.Recheck.objects.filter(shop=shop).delete()
            models.Product.objects.filter(shop=shop).delete()
            # What was sold on Reverb so far was the old store's.
            models.Order.objects.filter(shop=shop).update(counts=False, counted=0, shown=0)

        store_replaced.connect(forget_products, weak=False, dispatch_uid="listings.forget_products")
