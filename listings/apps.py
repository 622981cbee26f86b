"""This room listens for what becomes of stores and accounts, and lets each process go by one clock."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class ListingsConfig(AppConfig):
    """The room of products, listings and jobs."""

    name = "listings"

    def ready(self) -> None:
        """Begin to listen."""
        from listings import comeback, jobs, models, walks  # noqa: PLC0415 -- tables are there only now
        from listings.orders import place  # noqa: PLC0415
        from reverbsync import clock, one_clock  # noqa: PLC0415
        from shops.signals import reverb_is_back, store_is_back, store_replaced  # noqa: PLC0415

        one_clock.begin()

        def forget_products(shop: Any, **_: object) -> None:
            """Forget the old store's products. Their listings stay on Reverb: the new store's find them by SKU."""
            place.store_replaced(shop)
            models.Walk.objects.filter(shop=shop).delete()
            models.Recheck.objects.filter(shop=shop).delete()
            models.Product.objects.filter(shop=shop).delete()
            # What was sold on Reverb so far was the old store's.
            models.Order.objects.filter(shop=shop).update(counts=False, counted=0, shown=0)

        store_replaced.connect(forget_products, weak=False, dispatch_uid="listings.forget_products")

        def go_on(shop_id: int, **_: object) -> None:
            """Make due what waits for the store: it answers again."""
            walks.store_is_back(shop_id)
            place.try_again(shop_id)
            jobs.store_is_back(shop_id, now=clock.now())

        store_is_back.connect(go_on, weak=False, dispatch_uid="listings.go_on")

        def go_on_at_reverb(shop_id: int, **_: object) -> None:
            """Make due what waits for Reverb: it answers again."""
            comeback.of_reverb(shop_id)

        reverb_is_back.connect(go_on_at_reverb, weak=False, dispatch_uid="listings.go_on_at_reverb")
