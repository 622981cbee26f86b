"""What belongs to a shop, for all attempts that a thread makes: read once, and anew when a row of it has changed."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from listings.models import Product
from listings.sync.cases import Frame
from listings.sync.rows import Begun
from shops.models import ReverbConnection, Shop
from shops.reverb import reference
from shops.reverb.client import ReverbClient

#: A relation that is set without the checks of an assignment, for each product.
_SHOP = Product._meta.get_field("shop")
#: So many shops' papers lie on a desk at most.
MOST = 100


@dataclass
class Papers:
    """A shop with its settings and its store, its connection to Reverb, and what is the same for all its products."""

    shop: Shop
    connection: ReverbConnection | None
    frame: Frame

    def complete(self, client: ReverbClient) -> Frame:
        """Return the frame with Reverb's lists. Raises ReverbError when they cannot be had."""
        assert self.connection is not None  # noqa: S101 -- the client is this connection's
        lists = reference.lists(client, self.connection.budget)
        if lists != self.frame.lists:
            self.frame = self.frame.with_lists(lists)
        return self.frame


class _Desk(threading.local):
    """The papers of the shops that a thread has worked for; threads share none."""

    def __init__(self) -> None:
        #: Shop → the mark by which its papers are good, and the papers.
        self.papers: dict[int, tuple[str, Papers]] = {}


_desk = _Desk()


def papers(begun: Begun) -> Papers:
    """Return the shop's papers as they are by the mark that the attempt began with, or newer ones."""
    shop_id = begun.product.shop_id
    mark, found = _desk.papers.get(shop_id, ("", None))
    if found is None or mark != begun.mark:
        if len(_desk.papers) >= MOST:
            _desk.papers.clear()
        found = _read(shop_id)
        _desk.papers[shop_id] = begun.mark, found
    _SHOP.set_cached_value(begun.product, found.shop)
    return found


def _read(shop_id: int) -> Papers:
    shop = Shop.objects.select_related("sync_settings", "store").get(pk=shop_id)
    return Papers(shop, ReverbConnection.objects.filter(shop=shop_id).first(), Frame.of(shop))
