"""A mass sync: read Reverb's listings page by page, compare them with all products, and write only differences."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from listings.models.product import Product
from shops.models import Person, Shop


class MassSync(models.Model):
    """One run for a shop; at most one is open at a time."""

    class State(models.TextChoices):
        FETCHING = "fetching", "Reading your listings on Reverb"
        PLANNING = "planning", "Comparing"
        PLANNED = "planned", "Ready to look through"
        RUNNING = "running", "Running"
        CONFIRMING = "confirming", "Looking what Reverb has published"
        PAUSED = "paused", "Paused"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    #: States in which no other one may begin.
    OPEN: ClassVar[tuple[str, ...]] = (
        State.FETCHING.value,
        State.PLANNING.value,
        State.PLANNED.value,
        State.RUNNING.value,
        State.CONFIRMING.value,
        State.PAUSED.value,
    )
    #: States in which a worker has something to do.
    WORKING: ClassVar[tuple[str, ...]] = (
        State.FETCHING.value,
        State.PLANNING.value,
        State.RUNNING.value,
        State.CONFIRMING.value,
    )

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="mass_syncs")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.FETCHING)
    begun_at = models.DateTimeField()
    planned_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    #: When the next slice may run; None if there is nothing to do.
    due_at = models.DateTimeField(null=True)
    #: The next page of listings to read, and the number of pages.
    page = models.PositiveIntegerField(default=1)
    pages = models.PositiveIntegerField(default=0)
    #: The number of listings according to Reverb.
    total = models.PositiveIntegerField(default=0)
    #: The pages did not show all of them: missing ones are looked up one by one.
    incomplete = models.BooleanField(default=False)
    #: The last product that was compared, and how many were.
    planned_up_to = models.BigIntegerField(default=0)
    products = models.PositiveIntegerField(default=0)
    #: The last product without a call that was released when the run started; None: all are released.
    let_go_up_to = models.BigIntegerField(null=True)
    #: Listings made since the fetch, and how many when Reverb's total was last compared.
    made = models.PositiveIntegerField(default=0)
    made_checked = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="Failed slices in a row.")
    note = models.CharField(max_length=300, blank=True, help_text="Why it stands still.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop"],
                condition=models.Q(state__in=("fetching", "planning", "planned", "running", "confirming", "paused")),
                name="one_open_mass_sync",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], name="mass_syncs_by_due_time"),
            models.Index(fields=["shop", "-begun_at"], name="mass_syncs_of_a_shop"),
        ]

    def __str__(self) -> str:
        return f"mass sync {self.pk} of {self.shop_id}"

    def goes_on(self) -> bool:
        """Lock the row and return whether its state is unchanged: the seller may have stopped it."""
        now = MassSync.objects.select_for_update().values_list("state", flat=True).get(pk=self.pk)
        known, self.state = self.state, now
        return known == now


class Indexed(models.Model):
    """One listing as a page of the fetch showed it; stored until the plan is complete."""

    sync = models.ForeignKey(MassSync, models.CASCADE, related_name="index")
    reverb_id = models.CharField(max_length=32)
    sku = models.CharField(max_length=255, blank=True)
    snapshot = models.JSONField()
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "reverb_id"], name="one_row_per_indexed_listing")]
        indexes = [models.Index(fields=["sync", "sku"], name="indexed_by_sku")]

    def __str__(self) -> str:
        return self.sku or self.reverb_id


class Line(models.Model):
    """What a mass sync plans for one product, and the result."""

    class Kind(models.TextChoices):
        END = "end", "Taken off sale"
        UPDATE = "update", "Changed"
        LOOK = "look", "Looked at"
        CREATE = "create", "Made"
        NOTHING = "nothing", "Left alone: in sync"
        LEFT = "left", "Left alone"
        CANNOT = "cannot", "Cannot go yet"

    class State(models.TextChoices):
        OPEN = "open", "To do"
        QUEUED = "queued", "Under way"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    #: Kinds that make a call.
    CALLS: ClassVar[tuple[str, ...]] = (Kind.END.value, Kind.UPDATE.value, Kind.LOOK.value, Kind.CREATE.value)

    sync = models.ForeignKey(MassSync, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    #: The order: ends, then changes, then new listings.
    priority = models.PositiveSmallIntegerField(default=0)
    #: Names of the fields that differ.
    fields = models.JSONField(default=list)
    #: Id of the reason (synclog/reasons.py) why it is left alone, cannot go yet, or ended as it did.
    reason = models.CharField(max_length=40, blank=True)
    message = models.CharField(max_length=300, blank=True, help_text="What was said beside it (Reason.speaker).")
    state = models.CharField(max_length=6, choices=State.choices, default=State.OPEN)
    #: Its product's first sync was pending until it was queued, and is again if that is undone.
    was_pending_first_sync = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "product"], name="one_line_per_product")]
        indexes = [
            models.Index(fields=["sync", "kind", "id"], name="lines_by_kind"),
            models.Index(fields=["sync", "state", "priority", "id"], name="lines_in_order"),
            models.Index(
                fields=["product"], condition=models.Q(state__in=("open", "queued")), name="open_lines_of_a_product"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.product_id}"
