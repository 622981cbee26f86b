"""How well a shop's store answers us, and how well its calls reach us."""

from __future__ import annotations

from django.db import models

from shops.models.shop import Shop


class StoreHealth(models.Model):
    """One row a shop once there is something to save. Apart from the connection, which attempts keep in memory."""

    shop = models.OneToOneField(Shop, models.CASCADE, related_name="store_health")
    #: Since when the store does not answer, or refuses our keys; what it said; when it is asked next.
    away_since = models.DateTimeField(null=True)
    away_words = models.CharField(max_length=300, blank=True)
    probe_due_at = models.DateTimeField(null=True)
    #: When it was last seen to respond again; set until what waited for it was made due.
    back_at = models.DateTimeField(null=True)
    #: When its last call arrived, to within a minute.
    called_at = models.DateTimeField(null=True)
    #: Looks in a row that found changes which no call reported, since when, and when the last one was.
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
