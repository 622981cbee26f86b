"""What a seller's own system last pushed, for stores that cannot be queried."""

from __future__ import annotations

from django.db import models

from shops.models.connections import StoreConnection


class PushedProduct(models.Model):
    """A product as pushed, with all its variants."""

    store = models.ForeignKey(StoreConnection, models.CASCADE, related_name="pushed_products")
    product_id = models.CharField(max_length=64)
    body = models.JSONField()
    #: The sender's own timestamp: a message with an earlier one changes nothing.
    said_at = models.DateTimeField()
    #: The same for the stock alone, which has its own messages and answers; None: as old as the product.
    counted_at = models.DateTimeField(null=True)
    deleted = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "product_id"], name="one_pushed_product_per_id")]

    def __str__(self) -> str:
        return self.product_id


class PushedOrder(models.Model):
    """An order as pushed: its lines and parcels, without the buyer's data."""

    store = models.ForeignKey(StoreConnection, models.CASCADE, related_name="pushed_orders")
    order_id = models.CharField(max_length=64)
    body = models.JSONField()
    said_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "order_id"], name="one_pushed_order_per_id")]

    def __str__(self) -> str:
        return self.order_id


class MissingProducts(models.Model):
    """Products that a complete list omits, so many that the seller must confirm that they are gone."""

    store = models.OneToOneField(StoreConnection, models.CASCADE, related_name="missing_products")
    product_ids = models.JSONField()
    #: Number of products known at that time.
    of = models.PositiveIntegerField()
    #: The list's own timestamp, UTC.
    listed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.count} of {self.of}"

    @property
    def count(self) -> int:
        """Return how many are missing."""
        return len(self.product_ids)
