"""What a seller lets the sync do."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop

#: The fields that can be switched on and off, each on its own: name of the switch less `sync_`, and its label.
FIELDS: dict[str, str] = {
    "title": "Title",
    "description": "Description",
    "price": "Price",
    "stock": "Stock",
    "photos": "Photos",
    "make": "Make",
    "model": "Model",
    "condition": "Condition",
    "category": "Category",
    "finish": "Finish",
    "year": "Year",
    "upc": "UPC",
    "shipping_profile": "Shipping profile",
}


def _switch() -> models.BooleanField[bool, bool]:
    return models.BooleanField(default=True)


class SyncSettings(models.Model):
    """One row a shop."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="sync_settings")
    auto_sync = models.BooleanField(
        "Auto-sync", default=True, help_text="Bring changes of your store to Reverb as they happen."
    )
    auto_publish = models.BooleanField(
        "Auto-publish",
        default=False,
        help_text="Publish new listings at once. Off: they wait as drafts on Reverb for you to look at.",
    )
    create_listings = models.BooleanField(
        "Create listings that are not on Reverb yet",
        default=True,
        help_text="Off: only products that already have a listing with the same SKU are kept in step.",
    )
    sync_title = _switch()
    sync_description = _switch()
    sync_price = _switch()
    sync_stock = _switch()
    sync_photos = _switch()
    sync_make = _switch()
    sync_model = _switch()
    sync_condition = _switch()
    sync_category = _switch()
    sync_finish = _switch()
    sync_year = _switch()
    sync_upc = _switch()
    sync_shipping_profile = _switch()

    default_condition = models.CharField(
        "Condition of new listings",
        max_length=36,
        default="7c3f45de-2ae0-4c81-8400-fdb6b1d74890",
        help_text="Used when the product does not say (a tag such as “condition: Very Good” does).",
    )
    default_category = models.CharField(
        "Category of new listings",
        max_length=36,
        blank=True,
        help_text="Used when the product type in your store is not a category on Reverb.",
    )
    default_shipping_profile = models.CharField(
        "Shipping profile of new listings",
        max_length=20,
        blank=True,
        help_text="Made in your shop settings on Reverb.",
    )
    upc_does_not_apply = models.BooleanField(
        "A product without a barcode has no UPC",
        default=False,
        help_text="Tells Reverb “UPC does not apply”. Else Reverb keeps a brand-new item with no UPC as a draft.",
    )

    class Meta:
        verbose_name_plural = "sync settings"

    def __str__(self) -> str:
        return f"Settings of {self.shop}"

    @property
    def fields_on(self) -> frozenset[str]:
        """The names out of FIELDS that are switched on."""
        return frozenset(name for name in FIELDS if getattr(self, f"sync_{name}"))
