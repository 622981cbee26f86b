"""A guest checkout in one Magento store, which reserves an order's units (magento/quote, GuestCartManagement)."""

from __future__ import annotations

from typing import Any

from shops.orders import NewOrder
from shops.platforms import calls
from shops.platforms.errors import Missing, StoreError, TransientStoreError, Unsupported
from shops.platforms.magento2 import forms, order_body, regions, store_cache
from shops.platforms.magento2.loans import Make
from shops.platforms.magento2.rest import STORE, Rest

#: How long a country's shipping method is cached once a checkout found it.
WAY_S = 24 * 3600
#: Magento's field name for a missing state or region, in every language.
REGION = "regionId"
#: Payment methods of a checkout that need no money, best first; the store must offer one.
PAID_BY = ("free", "checkmo", "banktransfer", "purchaseorder", "cashondelivery")


class Checkout:
    """Takes orders through a guest cart, at the catalogue's prices."""

    def __init__(self, rest: Rest) -> None:
        """Makes no call."""
        self._rest = rest
        #: Reverb number → region that replaced one which Magento does not know.
        self.entered: dict[str, regions.Region] = {}

    def begin(self, order: NewOrder) -> Make:
        """Create a guest cart; return a function that completes the checkout, at the catalogue's prices.

        The last unit is on sale while that function runs, so it makes as few calls as possible.
        """
        where = order_body.address(order)
        listed = regions.regions_of(self._rest, where["country_id"])
        must = f"magento2:region:{self._rest.address}:{where['country_id']}"
        found = regions.named(where.get("region", ""), listed)
        if found is None and listed and store_cache.recall(must):
            found = self._enter(order, listed[0])
        where |= regions.as_part(found) if found else {}
        cart = f"/guest-carts/{_text(self._in_cart('/guest-carts', {}))}"

        def make() -> forms.Order:
            for line in order.lines:
                item = {"sku": line.sku, "qty": line.quantity, "quote_id": cart.rpartition("/")[2]}
                self._in_cart(f"{cart}/items", {"cartItem": item})
            try:
                made = self._pay(cart, self._ship_to(cart, where))
            except Unsupported as error:  # only this call reveals that a region is required
                if REGION not in str(error) or found or not listed:
                    raise
                store_cache.remember(must, True, WAY_S)
                whole = where | regions.as_part(self._enter(order, listed[0]))
                made = self._pay(cart, self._ship_to(cart, whole))
            with calls.written():
                return forms.read(self._rest.get(f"/orders/{made}"))

        return make

    def _pay(self, cart: str, offered: set[str]) -> str:
        """Place the order of a cart with an offered payment method that needs no money; return its id."""
        paid_by = next((one for one in PAID_BY if one in offered), None)
        if paid_by is None:
            raise Unsupported(f"{STORE} offers no payment without a card. Switch on “Check / Money order” there.")
        return _text(self._rest.written("PUT", f"{cart}/order", {"paymentMethod": {"method": paid_by}}))

    def _enter(self, order: NewOrder, region: regions.Region) -> regions.Region:
        """Save that a region was entered which the buyer's address does not name."""
        self.entered[order.reverb_number] = region
        return region

    def _ship_to(self, cart: str, where: dict[str, Any]) -> set[str]:
        """Set a cart's shipping address and method; return the payment methods that the store then offers."""
        known = f"magento2:way:{self._rest.address}:{where['country_id']}"
        way: list[str] | None = store_cache.recall(known)
        if way is not None:
            try:
                return self._set_shipping(cart, where, way)
            except StoreError as error:
                store_cache.release(known)  # perhaps no longer offered; Magento has many messages for that
                if not isinstance(error, Unsupported | Missing):
                    raise
        ways = order_body.ways(self._in_cart(f"{cart}/estimate-shipping-methods", {"address": where}))
        if not ways:
            raise Unsupported(
                f"{STORE} has no shipping method for the buyer's address, so the order cannot be made there. "
                "Switch one on for that country, and try again."
            )
        way = [ways[0].carrier_code, ways[0].method_code]
        offered = self._set_shipping(cart, where, way)
        store_cache.remember(known, way, WAY_S)
        return offered

    def _set_shipping(self, cart: str, where: dict[str, Any], way: list[str]) -> set[str]:
        shipping: dict[str, Any] = {"shipping_address": where, "billing_address": where}
        shipping |= {"shipping_carrier_code": way[0], "shipping_method_code": way[1]}
        said = self._in_cart(f"{cart}/shipping-information", {"addressInformation": shipping})
        offered = said.get("payment_methods") if isinstance(said, dict) else None
        if not isinstance(offered, list):
            offered = self._rest.listed(f"{cart}/payment-methods")
        return {str(one.get("code")) for one in offered if isinstance(one, dict)}

    def _in_cart(self, path: str, body: object) -> Any:
        """Make a checkout call that cannot create an order yet, so an error never sets `may_have_applied`."""
        try:
            return self._rest.written("POST", path, body)
        except TransientStoreError as error:
            error.may_have_applied = False
            raise


def _text(said: Any) -> str:
    """Return the id that a checkout call answers. Raise TransientStoreError if it is not an id."""
    if isinstance(said, str | int) and not isinstance(said, bool) and str(said):
        return str(said)
    raise TransientStoreError(f"{STORE}'s checkout could not be read.", may_have_applied=True)
