"""A world to run stories of sales in: a stand-in store, a tiny Reverb, and our engine between them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from listings.intake import refresh
from listings.models import Order, Parcel, Product
from listings.orders import due_store_orders, send_tracking, shipment_poll, tracking
from listings.orders.shipstation import service
from listings.upkeep import review
from reverbsync import clock
from reverbsync.redis import connection
from shops import lifecycle, store_connection
from shops.events import OrderChanged, ProductChanged
from shops.models import ReverbConnection, Shop, SyncSettings
from shops.platforms.values import Keys
from shops.reverb import orders as reading
from synclog.models import Entry
from tests.journeys.world import StandIn
from tests.listings.orders.reverb import TinyReverb
from tests.people import olivia

DOMAIN = "guitars.myshopify.com"
BOB = {
    "name": "Bob Buyer",
    "street_address": "1 Main St",
    "extended_address": "Apt 2",
    "locality": "Austin",
    "region": "TX",
    "postal_code": "78701",
    "country_code": "US",
    "phone": "512-555-0100",
}


class Sales:
    """A shop that takes orders and sends tracking, unless the story says otherwise."""

    def __init__(self, reverb: TinyReverb, store: StandIn) -> None:
        self.reverb, self.store = reverb, store
        self.now = datetime.now(UTC)
        token = f"token-{uuid.uuid4().hex}"
        reverb.reset()
        store.ask("POST", "/reset")
        store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000, "calls": 100_000})
        store.ask("POST", "/shops", {"domain": DOMAIN, "token": token, "secret": "s", "webhooks": []})
        connection().flushdb()
        self.shop = lifecycle.create_shop(olivia(), "Guitars")
        store_connection.connect_store(self.shop, platform="shopify", address=DOMAIN, keys=Keys(token, "s"))
        ReverbConnection.objects.create(shop=self.shop, token=token, account="Guitars", currency="USD")
        self.set(take_orders=True, send_tracking=True)

    def set(self, **settings: Any) -> None:
        """Change settings, as the page does."""
        SyncSettings.objects.filter(shop=self.shop).update(**settings)
        self.shop = Shop.objects.select_related("store", "reverb", "sync_settings").get(pk=self.shop.pk)
        with clock.running_by(lambda: self.now):
            review.orders(self.shop)

    # -- the two outsides ------------------------------------------------------------------------------------

    def product(self, sku: str = "A1", units: int = 3) -> Product:
        """Make a product in the store and receive it."""
        row = {"sku": sku, "price": "500.00", "inventory_quantity": units}
        body = {"domain": DOMAIN, "title": "Fender Strat", "vendor": "Fender", "variants": [row]}
        made = self.store.ask("POST", "/products", body)
        assert not refresh.take(self.shop, {ProductChanged(str(made["id"])): "test"})
        return Product.objects.get(shop=self.shop, sku=sku)

    def stock(self, sku: str = "A1") -> int:
        """Return the store's own number."""
        [doc] = self.store.ask("GET", "/products", sku=sku)
        return int(doc["variants"][0]["inventory_quantity"])

    def sell(self, number: str = "9001", *, product: Product | None = None, **said: Any) -> Order:
        """Sell a unit on Reverb, and keep the row that reading orders keeps."""
        money = {name: {"amount": amount, "currency": "USD"} for name, amount in MONEY.items()}
        stamp = self.now.isoformat()
        self.reverb.orders[number] = {
            "order_number": number,
            "status": "paid",
            "sku": "A1",
            "title": "Fender Strat",
            "quantity": 1,
            "product_id": "701",
            "created_at": stamp,
            "paid_at": stamp,
            "updated_at": stamp,
            "buyer_id": "77",
            "buyer_name": "Bob Buyer",
            "shipping_address": BOB,
            "_links": {"web": {"href": f"https://reverb.test/my/selling/orders/{number}"}},
            **money,
            **said,
        }
        return self.read(number, product=product)

    def say(self, number: str = "9001", **said: Any) -> Order:
        """Change an order on Reverb, and read it."""
        self.reverb.orders[number].update(said, updated_at=self.now.isoformat())
        return self.read(number)

    def read(self, number: str, *, product: Product | None = None) -> Order:
        """Keep what Reverb says of an order, as `take` does."""
        seen = reading.order(self.reverb.orders[number])
        known = Order.objects.filter(shop=self.shop, number=number).first()
        snapshot = seen.to_json()
        if not self.shop.sync_settings.take_orders:
            snapshot |= {"buyer": "", "buyer_id": "", "address": None}
        values = {"status": seen.status, "updated_at": seen.updated_at, "snapshot": snapshot}
        if known is not None:
            Order.objects.filter(pk=known.pk).update(**values)
            return self.row(number)
        return Order.objects.create(
            shop=self.shop,
            number=number,
            product=product,
            listing_id=seen.listing_id,
            sku=seen.sku,
            title=seen.title,
            quantity=seen.quantity,
            placed_at=seen.placed_at,
            seen_at=self.now,
            **values,
        )

    def store_orders(self) -> list[dict[str, Any]]:
        """Return the orders that the store has."""
        return list(self.store.ask("GET", "/orders"))

    def ship_in_store(self, order: Order, carrier: str = "UPS", number: str = "1Z999") -> None:
        """Ship an order in the store, which sends a webhook."""
        row = self.row(order.number)
        body = {"carrier": carrier, "tracking_number": number}
        self.store.ask("POST", f"/orders/{row.store_order_id}/ship", body)
        shipment_poll.on_events(self.shop, [OrderChanged(row.store_order_id)])

    # -- our workers -----------------------------------------------------------------------------------------

    def work(self) -> None:
        """Let the workers do what is due now."""
        while due_store_orders.run_slice(self.shop.pk):
            pass
        for _ in range(100):
            if (parcel := tracking.next_one(self.shop.pk)) is not None:
                send_tracking.send(parcel)
            elif (notice := service.next_one(self.shop.pk)) is not None:
                service.follow(notice)
            elif (order := shipment_poll.next_one(self.shop.pk)) is not None:
                shipment_poll.look(order)
            else:
                return
        raise AssertionError("it never settles")

    def wait(self, **time: float) -> None:
        """Let time pass, then work."""
        self.now += timedelta(**time)
        for key in connection().keys("ratelimit:*"):
            connection().delete(key)
        self.work()

    # -- what came of it -------------------------------------------------------------------------------------

    def row(self, number: str = "9001") -> Order:
        """Return an order as it is kept."""
        return Order.objects.get(shop=self.shop, number=number)

    def parcel(self, number: str = "9001") -> Parcel:
        """Return the only parcel of an order."""
        return Parcel.objects.get(order=self.row(number))

    def entries(self) -> list[str]:
        """Return the reasons of all entries, oldest first."""
        return list(Entry.objects.filter(shop=self.shop).order_by("id").values_list("reason", flat=True))


MONEY = {
    "amount_product": "500.00",
    "amount_product_subtotal": "500.00",
    "shipping": "25.00",
    "amount_tax": "41.25",
    "total": "566.25",
    "selling_fee": "25.00",
    "direct_checkout_fee": "17.97",
}


@contextmanager
def in_time_of(sales: Sales) -> Iterator[Sales]:
    """Let our clock be the story's while the block runs."""
    with clock.running_by(lambda: sales.now):
        yield sales
