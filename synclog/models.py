"""An entry of the sync log. It is a copy without foreign keys to products, so it outlives its product."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from shops.models import Shop
from synclog.reasons import fix_label, quoted

#: Words of SKU and title, separated by all that is neither letter nor digit, as in synclog/search.py.
_WORDS = "to_tsvector('simple', regexp_replace(sku || ' ' || title, '[^[:alnum:]]+', ' ', 'g'))"


class Entries(models.Manager["Entry"]):
    """Manager that defers the column used only by searches."""

    def get_queryset(self) -> models.QuerySet[Entry]:
        """Return all entries."""
        return super().get_queryset().defer("search_vector")


class Entry(models.Model):
    """One attempt and its outcome."""

    class Outcome(models.TextChoices):
        SYNCED = "synced", "Synced"
        NOTHING = "nothing", "Nothing to do"
        SKIPPED = "skipped", "Skipped"
        FAILED = "failed", "Failed"

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True, help_text="Id in synclog/reasons.py.")
    words = models.TextField(blank=True, help_text="What happened and what to do, as it was shown.")
    fix_link = models.URLField(max_length=1000, blank=True, help_text="Where it is fixed.")

    store_product_id = models.CharField(max_length=64, blank=True)
    title = models.CharField(max_length=300, blank=True)
    sku = models.CharField(max_length=255, blank=True)
    product_link = models.URLField(max_length=1000, blank=True)
    listing_link = models.URLField(max_length=1000, blank=True)

    changes = models.JSONField(default=list, help_text="[{field, before, after}]")
    message = models.TextField(blank=True, help_text="What was said beside it (Reason.speaker).")
    field_errors = models.JSONField(default=dict, help_text="{field: [words]} from Reverb.")
    warnings = models.JSONField(default=list, help_text="Reverb's warnings.")
    took_ms = models.PositiveIntegerField(default=0)
    attempt = models.PositiveIntegerField(default=1)
    trigger = models.CharField(max_length=60, blank=True, help_text="What started it.")
    search_vector = models.GeneratedField(
        expression=models.Func(template=_WORDS, output_field=SearchVectorField()),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = Entries()

    class Meta:
        verbose_name_plural = "entries"
        # Pages are ordered by (at, id), and every filter has an index in that order (synclog/browse.py).
        indexes = [
            models.Index(fields=["shop", "at", "id"], name="entries_of_a_shop"),
            models.Index(fields=["shop", "outcome", "at", "id"], name="entries_by_outcome"),
            models.Index(fields=["at"], name="entries_by_age"),
            GinIndex(fields=["search_vector"], name="entries_by_search_vector"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.sku or self.title}"

    @property
    def quoted(self) -> str:
        """Return the message as a page shows it."""
        return quoted(self.reason, self.message)

    @property
    def fix_label(self) -> str:
        """Return the label of the button that opens `fix_link`."""
        return fix_label(self.reason)
