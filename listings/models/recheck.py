"""A product that could not be read, and is read again by itself."""

from __future__ import annotations

from django.db import models

from shops.models import Shop


class Recheck(models.Model):
    """One row per product of the store; deleted once the product was read."""

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="rechecks", db_index=False)
    #: The store's id of the product; empty for rows without one.
    store_parent_id = models.CharField(max_length=64, blank=True)
    words = models.CharField(max_length=300, blank=True, help_text="Why it could not be read, for the seller.")
    #: It belongs to the first import: once it is read, it waits for the seller like all others.
    first_import = models.BooleanField(default=False)
    since = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    #: When it is read next. None: it cannot be read by itself.
    due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "store_parent_id"], name="one_recheck_per_product")]
        indexes = [models.Index(fields=["due_at"], name="rechecks_by_due_time")]

    def __str__(self) -> str:
        return f"read product {self.store_parent_id} again"
