"""Crawl a large catalogue by a bulk operation: Shopify writes a file, which we read piece by piece.

Facts: shopify.dev "Perform bulk operations": lines of JSON, children after their parent (`groupObjects` puts them right
behind it), the file stays for seven days, its URL is signed. The cursor is `bulk:<id>|<byte>`, so a crawl survives a
restart, and only one piece is in memory. A product whose lines are incomplete, or not all in one piece, is requested
separately.
"""

from __future__ import annotations

from shops.platforms.errors import CursorLost, TransientStoreError
from shops.platforms.shopify import product_queries, products
from shops.platforms.shopify.bulk_file import LINE_HEAD, ROOT_ID, BulkFile, is_root, next_root
from shops.platforms.shopify.bulk_rows import products_in
from shops.platforms.shopify.graphql import GraphQL
from shops.platforms.shopify.locations import LevelLocations
from shops.platforms.shopify.product_pages import Found
from shops.platforms.shopify.products import Reader
from shops.schema_text import object_of
from shops.schemas import number_in

LOOK_AGAIN_S = 5.0
PREFIX = "bulk:"
#: Prefix of a cursor that pages through the catalogue, because Shopify cannot write the file.
BY_PAGES = "pages:"


def start(line: GraphQL, wanted: LevelLocations) -> str:
    """Start the bulk operation; return the cursor."""
    document = product_queries.with_levels(product_queries.BULK_PRODUCTS, wanted.gids)
    made = line.ask(product_queries.BULK_START, query=document).get("bulkOperationRunQuery") or {}
    operation = made.get("bulkOperation")
    if made.get("userErrors") or not isinstance(operation, dict) or not operation.get("id"):
        words = "; ".join(
            str(error.get("message")) for error in made.get("userErrors") or [] if isinstance(error, dict)
        )
        raise TransientStoreError(f"Shopify could not list all products: {words[:200] or 'no operation'}")
    return f"{PREFIX}{operation['id']}|0"


def page(line: GraphQL, cursor: str, *, admin: str, wanted: LevelLocations) -> Found:
    """Return the products in the next piece. Raise TransientStoreError while the file is being written."""
    gid, _, offset = cursor.removeprefix(PREFIX).rpartition("|")
    data = line.ask(product_queries.BULK_STATE, id=gid)
    state = data.get("bulkOperation") or {}
    status, total = state.get("status"), number_in(state.get("rootObjectCount"))
    if status in ("CREATED", "RUNNING", "CANCELING"):
        raise TransientStoreError("Shopify is still listing all products.", retry_after=LOOK_AGAIN_S)
    if status in ("FAILED", "CANCELED"):
        return Found(next=BY_PAGES, total=total)
    if status != "COMPLETED":  # EXPIRED, or null once Shopify has forgotten it
        raise CursorLost(f"Shopify does not have its list of all products any more ({status}).")
    if not state.get("url"):
        if total:
            raise TransientStoreError("Shopify's list of all products has no address.")
        return Found(total=total)
    file = BulkFile(line, str(state["url"]), number_in(state.get("fileSize")))
    found = _read(file, int(offset), products.reader(data, admin=admin, wanted=wanted))
    found.total = total
    found.next = f"{PREFIX}{gid}|{found.next}" if found.next else None
    return found


def _read(file: BulkFile, offset: int, read: Reader) -> Found:
    """Return the products of a piece; `next` is the byte to continue from."""
    piece, last = file.piece(offset)
    rows = piece.split(b"\n")
    if last:
        return products_in(rows, read)
    begins = [n for n, row in enumerate(rows[:-1]) if is_root(object_of(row))]
    if not begins or begins[-1] == 0:
        return _skipped(file, offset, piece)
    whole = rows[: begins[-1]]
    found = products_in(whole, read)
    found.next = str(offset + sum(len(row) + 1 for row in whole))
    return found


def _skipped(file: BulkFile, offset: int, piece: bytes) -> Found:
    """Skip the lines of a product that is larger than a piece; it is requested separately."""
    named = ROOT_ID.search(piece[:LINE_HEAD])
    following = next_root(file, offset)
    return Found(cut_short=[named[1].decode()] if named else [], next=None if following is None else str(following))
