"""A circuit breaker's state, one row an outside: a store, or an account on Reverb. No row: all is well."""

from __future__ import annotations

from django.db import models


class Breaker(models.Model):
    """Written by the workers that call (shops/breaker.py), read by all of them and by the pages."""

    #: What is called, as the rate limiter names it: "woocommerce:guitars.example.com", "reverb:account-501".
    name = models.CharField(max_length=300, unique=True)
    #: Failures since the last success, weighted (breaker.weight).
    score = models.PositiveIntegerField(default=0)
    failed_at = models.DateTimeField()
    #: Why the last call failed, for the seller.
    words = models.CharField(max_length=200, blank=True)
    #: Since when no calls go out; None: they do.
    opened_at = models.DateTimeField(null=True)
    #: When the next probe may go out, None while closed; and until when one has the right to be on its way.
    probe_at = models.DateTimeField(null=True, db_index=True)
    probing_until = models.DateTimeField(null=True)
    #: Probes in a row that failed, or succeeded and were followed by failures.
    probes = models.PositiveIntegerField(default=0)
    #: It answered again; what waits for it is still to be made due.
    is_back = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.name
