"""Connect the signals of stores and accounts, and set each process to the database's clock."""

from __future__ import annotations

from django.apps import AppConfig


class ListingsConfig(AppConfig):
    """The app of products, listings and jobs."""

    name = "listings"

    def ready(self) -> None:
        """Connect the signals."""
        from listings.intake import crawls  # noqa: PLC0415 -- models are loaded only now
        from listings.orders import store_order_state  # noqa: PLC0415
        from listings.queue import expedite  # noqa: PLC0415
        from listings.upkeep import recovery  # noqa: PLC0415
        from reverbsync import clock, one_clock  # noqa: PLC0415
        from shops.signals import reverb_is_back, store_is_back  # noqa: PLC0415

        one_clock.begin()

        def go_on(shop_id: int, **_: object) -> None:
            """Make due what waits for the store, which responds again."""
            crawls.store_is_back(shop_id)
            store_order_state.try_again(shop_id)
            expedite.store_is_back(shop_id, now=clock.now())

        store_is_back.connect(go_on, weak=False, dispatch_uid="listings.go_on")

        def go_on_at_reverb(shop_id: int, **_: object) -> None:
            """Make due what waits for Reverb, which responds again."""
            recovery.of_reverb(shop_id)

        reverb_is_back.connect(go_on_at_reverb, weak=False, dispatch_uid="listings.go_on_at_reverb")
