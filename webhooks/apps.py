"""App configuration: makes deliveries due once a store or Reverb responds again."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """The app for deliveries."""

    name = "webhooks"

    def ready(self) -> None:
        """Connect the signal receivers."""
        from reverbsync import clock  # noqa: PLC0415 -- models are loaded only now
        from shops.signals import reverb_is_back, store_is_back  # noqa: PLC0415
        from webhooks import inbox  # noqa: PLC0415

        def hand_over(shop_id: int, **_: object) -> None:
            """Make deliveries due that wait for the store."""
            inbox.make_due(shop_id, "store", now=clock.now())

        def hand_over_of_reverb(shop_id: int, **_: object) -> None:
            """Make deliveries due that wait for Reverb."""
            inbox.make_due(shop_id, "reverb", now=clock.now())

        reverb_is_back.connect(hand_over_of_reverb, weak=False, dispatch_uid="webhooks.hand_over_of_reverb")
        store_is_back.connect(hand_over, weak=False, dispatch_uid="webhooks.hand_over")
