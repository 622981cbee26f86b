"""Adapt the size of batches: smaller ones if a large one fails, and leave out a product that fails alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import takewhile

from listings.models import Crawl, Product
from shops.platforms import StoreClient
from shops.platforms.errors import Missing, StoreError, TooLarge, TransientStoreError, Unsupported
from shops.platforms.store_client import Resizable
from shops.platforms.values import Page, Unread

#: Products whose stock is requested together.
STOCKTAKING = 200
#: A page that failed is requested with a quarter of its products.
SHRINK = 4
#: A product at which a store fails this often in a row, while it responds otherwise, is left out.
TRIES_OF_ONE = 3


def read(crawl: Crawl, client: StoreClient) -> Page:
    """Return the next page of a crawl. Raises StoreError.

    A page that is too large is requested again at once with fewer products. A product that is too large alone, or at
    which the store keeps failing, is left out.
    """
    if not isinstance(client, Resizable):
        return client.crawl(crawl.cursor, since=crawl.since)
    while True:
        try:
            if crawl.page_size:
                return client.crawl(crawl.cursor, since=crawl.since, size=crawl.page_size)
            return client.crawl(crawl.cursor, since=crawl.since)
        except TransientStoreError as error:
            alone = crawl.page_size == 1
            if alone and (isinstance(error, TooLarge) or only_here(crawl, client, error)):
                page = client.skip(crawl.cursor, since=crawl.since)
                return replace(page, unread=tuple(_for(one, error) for one in page.unread))
            if alone or not isinstance(error, TooLarge):
                raise
            shrink(crawl, client)


def portion(products: Sequence[Product], odd: Collection[str]) -> list[Product]:
    """Return the next products to request together. One of the `odd` is requested alone, with its variants."""
    first = products[0].store_parent_id if products else ""
    if first in odd:
        return list(takewhile(lambda one: one.store_parent_id == first, products))
    return list(takewhile(lambda one: one.store_parent_id not in odd, products))


def only_here(crawl: Crawl, client: StoreClient, error: StoreError) -> bool:
    """Return whether an error concerns only the requested product, and the store responds otherwise."""
    if isinstance(error, Missing | Unsupported):
        return True
    if not isinstance(error, TransientStoreError) or crawl.failures < TRIES_OF_ONE:
        return False
    try:
        client.check()
    except StoreError:
        return False
    return True


def shrink(crawl: Crawl, client: StoreClient) -> None:
    """Request fewer products from now on."""
    if whole := _whole(crawl, client):
        crawl.page_size = max(1, (crawl.page_size or whole) // SHRINK)


def grow(crawl: Crawl, client: StoreClient) -> None:
    """Request more products after a page that succeeded, up to the regular size."""
    crawl.page_size *= 2
    if crawl.page_size >= _whole(crawl, client):
        crawl.page_size = 0


def _whole(crawl: Crawl, client: StoreClient) -> int:
    """Return the regular number of products per request, 0 if it cannot be chosen."""
    if crawl.kind == Crawl.Kind.STOCK:
        return STOCKTAKING
    return client.page_size if isinstance(client, Resizable) else 0


def _for(one: Unread, error: StoreError) -> Unread:
    return Unread(one.store_parent_id, one.words or str(error))
