"""What a seller lets the sync do."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop

#: Fields that can be switched on and off separately: the switch's name without `sync_`, and its label.
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
    "handmade": "Handmade",
    "offers": "Offers",
}


class Selection(models.TextChoices):
    """Which products are listed on Reverb."""

    ALL = "all", "All products, except those that I switch off"
    CHOSEN = "chosen", "Only the groups and products that I choose"


class Rounding(models.TextChoices):
    """How a changed price is rounded."""

    NONE = "", "Not at all"
    WHOLE = "whole", "To a whole amount"
    NINETY_NINE = "99", "To .99"


class StockWay(models.TextChoices):
    """Which stock changes reach the store or Reverb."""

    BOTH = "both", "Both ways: a sale on either side counts on the other"
    STORE = "store", "Only from your store to Reverb: your store learns of sales on Reverb by other means"


def _switch() -> models.BooleanField[bool, bool]:
    return models.BooleanField(default=True)


class SyncSettings(models.Model):
    """One row per shop."""

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
        help_text="Off: only products that already have a listing with the same SKU are kept in sync.",
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
    sync_handmade = _switch()
    sync_offers = _switch()

    stock_way = models.CharField("Stock", max_length=5, choices=StockWay.choices, default=StockWay.BOTH)
    stock_buffer = models.PositiveIntegerField(
        "Units held back",
        default=0,
        help_text="Reverb shows your stock less these, so that the last ones are sold in your store only.",
    )
    stock_maximum = models.PositiveIntegerField(
        "Most units to show", default=0, help_text="Reverb never shows more than these. 0: no limit."
    )
    take_orders = models.BooleanField(
        "Make orders from Reverb in your store",
        default=False,
        help_text="Each sale of a product of your store, once it is paid. The buyer gets no mail from your store.",
    )
    send_tracking = models.BooleanField(
        "Send tracking numbers to Reverb",
        default=False,
        help_text="A shipment that you enter in your store or in ShipStation marks the order as shipped on Reverb.",
    )
    notify_buyer = models.BooleanField(
        "Let Reverb mail the buyer about it",
        default=True,
        help_text="Reverb tells the buyer that the order was shipped, with the tracking number.",
    )
    selection = models.CharField("Products", max_length=6, choices=Selection.choices, default=Selection.ALL)
    price_percent = models.DecimalField(
        "Percent added to the store's price",
        max_digits=5,
        decimal_places=2,
        default=0,
        help_text="Such as 5, or -3 to go below.",
    )
    price_amount = models.DecimalField(
        "Amount added to it",
        max_digits=9,
        decimal_places=2,
        default=0,
        help_text="After the percentage. May be negative.",
    )
    price_rounding = models.CharField("Rounding", max_length=5, choices=Rounding.choices, default="", blank=True)
    price_floor = models.DecimalField(
        "Never below", max_digits=9, decimal_places=2, default=0, help_text="0: no floor."
    )
    make_from = models.CharField(
        "Make from",
        max_length=255,
        blank=True,
        help_text="Name of an attribute, metafield or custom field. Empty: the vendor or brand.",
    )
    model_from = models.CharField(
        "Model from",
        max_length=255,
        blank=True,
        help_text="Name of an attribute, metafield or custom field. Empty: the title less the make.",
    )
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
    default_handmade = models.BooleanField("New listings are handmade", default=False)
    default_offers_enabled = models.BooleanField("New listings take offers", default=True)
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
        """Return the names in FIELDS that are switched on."""
        return frozenset(name for name in FIELDS if getattr(self, f"sync_{name}"))
