"""A background crawl of a store, page by page: all its products, the changed ones, or its stock."""

from __future__ import annotations

from django.db import models

from shops.models import Shop


class Crawl(models.Model):
    """One row per shop and kind: the running crawl, or the last one and when the next is due."""

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
    #: Where it continues: the platform's cursor, or the last product that was read when confirming missing ones.
    cursor = models.TextField(blank=True)
    #: All pages are read; now each product that was on none of them is read by itself.
    confirming = models.BooleanField(default=False)
    #: Only what changed after this moment; None: everything.
    since = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: When the next slice may run (while running) or the next crawl begins. None: never automatically.
    due_at = models.DateTimeField(null=True)
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True)
    news = models.PositiveIntegerField(default=0, help_text="New and changed products.")
    vanished = models.PositiveIntegerField(default=0)
    unread = models.PositiveIntegerField(default=0, help_text="Rows of its pages that could not be read.")
    #: Products requested per page; 0: the platform's default. Smaller pages succeed where large ones fail.
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
        """The progress in percent, None if the total is unknown."""
        return min(100, self.seen * 100 // self.total) if self.total else None
