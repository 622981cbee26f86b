"""A circuit breaker's state, one row per service: a store, or a Reverb account. No row: all is well."""

from __future__ import annotations

from django.db import models


class Breaker(models.Model):
    """Written by the calling workers (shops/breaker.py), read by all of them and by the pages."""

    #: The service's name in the rate limiter: "woocommerce:guitars.example.com", "reverb:account-501".
    name = models.CharField(max_length=300, unique=True)
    #: Failures since the last success, weighted (breaker.HUNG, breaker.FAILED).
    score = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField()
    #: Why the last call failed, for the seller.
    words = models.CharField(max_length=200, blank=True)
    #: Since when calls are blocked; None: they are not.
    opened_at = models.DateTimeField(null=True)
    #: When the next probe may be sent, None while closed; and until when the current probe's claim lasts.
    probe_at = models.DateTimeField(null=True, db_index=True)
    probing_until = models.DateTimeField(null=True)
    #: Consecutive probes that failed, or succeeded and were followed by failures.
    probes = models.PositiveIntegerField(default=0)
    #: It answered again; its waiting work must still be made due.
    is_back = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
