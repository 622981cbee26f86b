"""An order on Reverb: some units of one listing."""

from __future__ import annotations

from datetime import timedelta

from django.db import models

from listings.models.product import Product
from shops.models import Shop
from shops.snapshots import ReverbOrder


class StoreOrderState(models.TextChoices):
    """What has become of a Reverb order in the seller's store (listings/orders/decide.py)."""

    #: Nothing is decided yet.
    UNDECIDED = "", "Not looked at yet"
    #: The settings do not request an order in the store, or did not when it was sold.
    SKIPPED = "skipped", "Not taken into the store"
    #: The listing belongs to no product of the store.
    NO_PRODUCT = "no_product", "No product of the store"
    #: The order is created as soon as Reverb says that it is paid.
    AWAITING_PAYMENT = "awaiting_payment", "Held"
    #: The next call to the store creates the order, or finds out whether an earlier call did.
    CREATING = "creating", "To be made"
    #: The store has the order.
    CREATED = "created", "Made in the store"
    #: The sale was cancelled or refunded before the order was created.
    NOT_NEEDED = "not_needed", "Taken back before it was made"
    #: The order could not be created; the page shows why.
    CREATE_FAILED = "create_failed", "Could not be made"
    #: The next call to the store cancels the order there.
    CANCELLING = "cancelling", "To be cancelled in the store"
    #: The order is cancelled in the store.
    CANCELLED = "cancelled", "Cancelled in the store"
    #: The store refused to cancel the order; it is still there.
    CANCEL_FAILED = "cancel_failed", "Could not be cancelled in the store"
    #: The seller has dealt with it by hand; nothing is done automatically.
    HANDLED_MANUALLY = "handled_manually", "Left to the seller"
    #: The order was created in a store that is no longer connected.
    IN_FORMER_STORE = "in_former_store", "Made in a store that is no longer connected"


class Order(models.Model):
    """One row per order, however often it is reported. `counted` keeps a sale from counting twice."""

    #: An order that is settled and has not changed for so long no longer affects stock.
    SETTLED_AFTER = timedelta(days=1)

    shop = models.ForeignKey(Shop, models.CASCADE, related_name="orders")
    number = models.CharField(max_length=64)
    #: The product of its listing; None if no listing of ours has that id.
    product = models.ForeignKey(Product, models.SET_NULL, null=True, related_name="orders")
    listing_id = models.CharField(max_length=32, blank=True)
    sku = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=300, blank=True)
    quantity = models.PositiveIntegerField()
    status = models.CharField(max_length=40, help_text="Reverb's own word.")
    placed_at = models.DateTimeField()
    updated_at = models.DateTimeField(help_text="By Reverb's clock.")
    seen_at = models.DateTimeField(help_text="When we first read it.")
    status_read_at = models.DateTimeField(null=True, help_text="When we first read it in its present status.")
    #: What Reverb last said (shops.snapshots.ReverbOrder); the buyer's name and address only while orders are taken.
    snapshot = models.JSONField(default=dict)

    #: False: it predates the link of its listing, so our stock ignores it.
    counts = models.BooleanField(default=True)
    #: Units that our stock has deducted for it: all of them, or none once it is released.
    counted = models.PositiveIntegerField(default=0)
    #: Units by which Reverb's own number is known to have gone down for it.
    shown = models.PositiveIntegerField(default=0)
    #: The number may have gone down for another order, and this one may have been overwritten
    #: (listings/stock/merge.py).
    doubtful = models.BooleanField(default=False)
    #: Released, and Reverb's number has come up again for it: it will not go down for it again.
    restocked = models.BooleanField(default=False)
    #: Its status when our stock was last reconciled with it.
    reckoned = models.CharField(max_length=40, blank=True)

    # Its state in the store (listings/orders/due_store_orders.py).
    store_state = models.CharField(
        max_length=20, choices=StoreOrderState.choices, default=StoreOrderState.UNDECIDED, blank=True
    )
    #: Reverb's status for which `store_state` was decided; a different status is news.
    decided_on = models.CharField(max_length=40, blank=True)
    #: When it was last decided on, by our clock.
    changed_at = models.DateTimeField(null=True)
    #: The seller wants it in the store, regardless of the settings.
    requested = models.BooleanField(default=False)
    store_due_at = models.DateTimeField(null=True)
    store_attempts = models.PositiveIntegerField(default=0)
    store_problem = models.CharField(max_length=300, blank=True, help_text="What went wrong, for the seller.")
    #: Set before the call that creates it, cleared by the response. If still set, the response was lost and it may
    #: exist.
    making_at = models.DateTimeField(null=True)
    #: What an attempt has begun in the store besides the order itself (shops.orders.NewOrder.begun).
    begun = models.JSONField(default=dict)
    made_at = models.DateTimeField(null=True)
    store_order_id = models.CharField(max_length=64, blank=True)
    store_order_number = models.CharField(max_length=64, blank=True)
    store_order_url = models.URLField(max_length=1000, blank=True)
    store_status = models.CharField(max_length=10, blank=True, help_text="A word of shops.orders.OrderStatus.")
    #: The order in the store deducted its units there, so cancelling it returns them.
    takes_stock = models.BooleanField(default=False)
    #: A digest of the buyer's address that it was created with: Reverb may show another one later.
    made_for = models.CharField(max_length=64, blank=True)
    #: When the store is next polled whether it was shipped.
    parcels_due_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shop", "number"], name="one_row_per_order")]
        indexes = [
            models.Index(
                fields=["shop", "placed_at"],
                condition=~models.Q(decided_on=models.F("status")),
                name="orders_to_decide_on",
            ),
            models.Index(
                fields=["shop", "placed_at"],
                condition=models.Q(store_state="no_product", product__isnull=False),
                name="orders_linked_late",
            ),
            models.Index(
                fields=["shop", "store_due_at"],
                condition=models.Q(store_due_at__isnull=False),
                name="store_orders_due",
            ),
            models.Index(
                fields=["parcels_due_at"], condition=models.Q(parcels_due_at__isnull=False), name="orders_to_ship"
            ),
            models.Index(fields=["shop", "changed_at", "id"], name="orders_by_change"),
            models.Index(
                fields=["shop", "store_order_id"], condition=~models.Q(store_order_id=""), name="orders_by_store_id"
            ),
            models.Index(fields=["shop", "-placed_at"], name="orders_of_a_shop"),
            models.Index(fields=["product"], name="orders_of_a_product"),
            models.Index(fields=["shop", "listing_id"], name="orders_by_listing"),
        ]

    def __str__(self) -> str:
        return f"Reverb order {self.number}"

    @property
    def seen(self) -> ReverbOrder:
        """What Reverb last said."""
        return ReverbOrder.from_json(self.snapshot)
