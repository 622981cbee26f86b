"""A crawl of a store: all its products, those that changed, or its stock; page by page, in the background."""

from __future__ import annotations

from django.db import models

from shops.models import Shop


class Crawl(models.Model):
    """One row a shop and kind: the crawl that is under way, or the last one and when the next is due."""

    class Kind(models.TextChoices):
        CATALOGUE = "catalogue", "all products"
        CHANGES = "changes", "changed products"
        STOCK = "stock", "stock"

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"
        DONE = "done", "Done"

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="crawls")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DONE)
    #: Where it goes on: the platform's cursor, or the last product asked for when looking for vanished ones.
    cursor = models.TextField(blank=True)
    #: The pages are through; now each product that was on none of them is asked for.
    confirming = models.BooleanField(default=False)
    #: Only what changed after this moment; None: everything.
    since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: When the next slice may run, while it runs; when the next crawl begins, while it does not. None: never by itself.
    due_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    news = models.PositiveIntegerField(default=0, help_text="New and changed products.")
    vanished = models.PositiveIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0, help_text="Rows of its pages that could not be read.")
    #: Products asked for on a page; 0: as many as the platform gives. Smaller pages pass where large ones fail.
    page_size = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Failed slices in a row.")
    note = models.CharField(max_length=300, blank=True, help_text="Why it stands still.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "kind"], name="one_crawl_per_shop_and_kind")]
        indexes = [models.Index(fields=["due_at"], name="crawls_by_due_time")]

    def __str__(self) -> str:
        return f"crawl of {self.get_kind_display()} of shop {self.shop_id}"

    @property
    def percent(self) -> int | None:
        """How far it is, None where nobody knows how much there is."""
        return min(100, self.seen * 100 // self.total) if self.total else None
