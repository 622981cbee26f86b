"""What belongs to a shop, for the attempts that one drain makes: read once, and anew when a row of it has changed."""

from __future__ import annotations

from dataclasses import dataclass

from listings.sync.cases import Frame
from listings.sync.rows import Begun
from shops.models import ReverbConnection, Shop
from shops.reverb import reference
from shops.reverb.client import ReverbClient


@dataclass
class Papers:
    """A shop with its settings and its store, its connection to Reverb, and what is the same for all its products."""

    shop: Shop
    connection: ReverbConnection | None
    frame: Frame
    #: The frame has Reverb's lists.
    listed: bool = False

    def complete(self, client: ReverbClient) -> Frame:
        """Return the frame with Reverb's lists. Raises ReverbError when they cannot be had."""
        assert self.connection is not None  # noqa: S101 -- the client is this connection's
        if not self.listed:
            self.frame = self.frame.with_lists(reference.lists(client, self.connection.budget))
            self.listed = True
        return self.frame


class Desk:
    """Holds the papers of the shop that is worked on. One for each drain: workers share none."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._mark = ""
        self._papers: Papers | None = None

    def papers(self, begun: Begun) -> Papers:
        """Return the shop's papers as they are by the mark that the attempt began with, or newer ones."""
        if self._papers is None or self._mark != begun.mark:
            self._papers, self._mark = _read(begun.product.shop_id), begun.mark
        begun.product.shop = self._papers.shop
        return self._papers


def _read(shop_id: int) -> Papers:
    shop = Shop.objects.select_related("sync_settings", "store").get(pk=shop_id)
    return Papers(shop, ReverbConnection.objects.filter(shop=shop_id).first(), Frame.of(shop))
