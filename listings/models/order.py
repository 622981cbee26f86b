"""An order on Reverb: some units of one listing, sold there."""

from __future__ import annotations

from django.db import models

from listings.models.product import Product
from shops.models import Shop


class Order(models.Model):
    """One row an order, whatever tells of it how often. `counted` is what keeps a sale from counting twice."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="orders")
    number = models.CharField(max_length=64)
    #: The product whose listing it is; None while no listing of ours is known by that id.
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="orders")
    listing_id = models.CharField(max_length=32, blank=True)
    sku = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=300, blank=True)
    quantity = models.PositiveIntegerField()
    status = models.CharField(max_length=40, help_text="Reverb's own word.")
    placed_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="By Reverb's clock.")
    seen_at = models.DateTimeField(help_text="When we first read it.")
    #: What Reverb last said (shops.pictures.ReverbOrder); the buyer's name and address only while orders are taken.
    picture = models.JSONField(default=dict)

    #: False: it was there before its listing was linked here, so it is none of our stock's business.
    counts = models.BooleanField(default=True)
    #: Units that our stock has given for it: all of them, or none once it is released.
    counted = models.PositiveIntegerField(default=0)
    #: Units by which Reverb's own number is known to have gone down for it.
    shown = models.PositiveIntegerField(default=0)
    #: The number may have gone down for another order, and this one have been overwritten (listings/stock/merge.py).
    doubtful = models.BooleanField(default=False)
    #: Its status when our stock was last reckoned with it.
    reckoned = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "number"], name="one_row_per_order")]
        indexes = [
            models.Index(fields=["shop", "-placed_at"], name="orders_of_a_shop"),
            models.Index(fields=["product"], name="orders_of_a_product"),
            models.Index(fields=["shop", "listing_id"], name="orders_by_listing"),
        ]

    def __str__(self) -> str:
        return f"Reverb order {self.number}"
