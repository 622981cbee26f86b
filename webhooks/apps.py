"""This room listens for a store that answers again."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The room of deliveries."""

    name = "webhooks"

    def ready(self) -> None:
        """Begin to listen."""
        from reverbsync import clock  # noqa: PLC0415 -- tables are there only now
        from shops.signals import store_is_back  # noqa: PLC0415
        from webhooks import inbox  # noqa: PLC0415

        def hand_over(shop_id: int, **_: object) -> None:
            """Hand over at once what waits for the store."""
            inbox.make_due(shop_id, "store", now=clock.now())

        store_is_back.connect(hand_over, weak=False, dispatch_uid="webhooks.hand_over")
