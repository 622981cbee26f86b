"""How well a shop's store answers us, and whether its webhooks arrive."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop


class StoreHealth(models.Model):
    """One row per shop, created on demand. Separate from the connection, which attempts hold in memory."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="store_health")
    #: Since when the store does not answer or refuses our keys; its error; when the next probe is due.
    away_since = models.DateTimeField(null=True)
    away_words = models.CharField(max_length=300, blank=True)
    probe_due_at = models.DateTimeField(null=True)
    #: When it last responded again; reset once the waiting work was made due.
    back_at = models.DateTimeField(null=True)
    #: When its last webhook arrived, to within a minute.
    called_at = models.DateTimeField(null=True)
    #: Consecutive polls that found unreported changes, since when, and when the last one was.
    missed = models.PositiveIntegerField(default=0)
    missed_since = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "store health"
        indexes = [
            models.Index(
                fields=["probe_due_at"],
                condition=models.Q(probe_due_at__isnull=False),
                name="stores_to_probe",
            ),
        ]

    def __str__(self) -> str:
        return f"health of the store of shop {self.shop_id}"
