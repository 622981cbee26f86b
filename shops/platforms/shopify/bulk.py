"""Crawl a large catalogue by a bulk operation: Shopify writes a file, which we read piece by piece.

Facts: shopify.dev "Perform bulk operations": lines of JSON, children after their parent (`groupObjects` puts them right
behind it), the file stays for seven days, its URL is signed. The cursor is `bulk:<id>|<byte>`, so a crawl survives a
restart, and only one piece is in memory. A product whose lines are incomplete, or not all in one piece, is requested
separately.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from shops.platforms import calls
from shops.platforms.reading import each
from shops.platforms.shopify import product_queries, products
from shops.platforms.shopify.endpoint import READ_S, STORE
from shops.platforms.shopify.graphql import GraphQL
from shops.platforms.shopify.locations import LevelLocations
from shops.platforms.shopify.product_pages import Found
from shops.platforms.shopify.products import Reader
from shops.platforms.values import CursorLost, TransientStoreError
from shops.schemas import number_in, object_of

PIECE_BYTES = 1_000_000
#: Pieces per call that are searched for the end of a product.
MOST_PIECES = 20
LOOK_AGAIN_S = 5.0
PREFIX = "bulk:"
#: Prefix of a cursor that pages through the catalogue, because Shopify cannot write the file.
BY_PAGES = "pages:"
#: The storage's XML error once a URL has expired or the file is deleted.
_GONE = re.compile(
    r"<Code>(?:ExpiredToken|AccessDenied|NoSuchKey|SignatureDoesNotMatch)</Code>|has expired", re.IGNORECASE
)
#: Bytes of a line that are searched for a product's id, which comes first.
LINE_HEAD = 2000
#: The rest of a character that the piece's start cuts, after decoding.
_CUT_LETTER = re.compile(rb"\A(?:\xef\xbf\xbd){1,3}")
_ROOT_ID = re.compile(rb'"id":\s*"gid:\\?/\\?/shopify\\?/Product\\?/(\d+)"')


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
    file = _File(line, str(state["url"]), number_in(state.get("fileSize")))
    found = _read(file, int(offset), products.reader(data, admin=admin, wanted=wanted))
    found.total = total
    found.next = f"{PREFIX}{gid}|{found.next}" if found.next else None
    return found


# -- the file ------------------------------------------------------------------------------------------------------


@dataclass
class _File:
    """A file that is read in pieces. Its URL is its only secret; no token is sent."""

    line: GraphQL
    url: str
    size: int | None

    def piece(self, offset: int) -> tuple[bytes, bool]:
        """Return a piece from byte `offset` on, and whether it is the last."""
        wanted = {"Range": f"bytes={offset}-{offset + PIECE_BYTES - 1}"}
        answer = calls.call(STORE, "GET", self.url, budgets=[self.line.budget], headers=wanted, read_s=READ_S)
        if answer.status == 416 and (self.size is None or offset >= self.size):
            return b"", True
        if answer.status in (400, 403, 404, 410) and _GONE.search(answer.text):
            raise CursorLost("Shopify's list of all products is not there any more.")
        # A 206 is never an HTML page: a piece may start inside a description.
        if answer.status not in (200, 206) or (answer.status == 200 and answer.text.lstrip()[:1] == "<"):
            raise TransientStoreError(f"Shopify's list of all products answered {answer.status}.")
        text = answer.text.encode()
        if answer.status == 200:  # the whole file, because the range was ignored
            return self._whole(text)[offset:], True
        size = number_in(answer.headers.get("Content-Range", "").rpartition("/")[2])
        if self.size is not None and size is not None and size < self.size:
            raise TransientStoreError("Shopify's list of all products is cut short.")
        size = self.size if size is None else size
        # A character that the piece's end cuts is longer here than in the file, so lengths are not compared.
        return text, size is None or offset + PIECE_BYTES >= size

    def _whole(self, text: bytes) -> bytes:
        if self.size is not None and len(text) < self.size:
            raise TransientStoreError("Shopify's list of all products is cut short.")
        return text


def _read(file: _File, offset: int, read: Reader) -> Found:
    """Return the products of a piece; `next` is the byte to continue from."""
    piece, last = file.piece(offset)
    rows = piece.split(b"\n")
    if last:
        return _found(rows, read)
    begins = [n for n, row in enumerate(rows[:-1]) if _is_root(object_of(row))]
    if not begins or begins[-1] == 0:
        return _skipped(file, offset, piece)
    whole = rows[: begins[-1]]
    found = _found(whole, read)
    found.next = str(offset + sum(len(row) + 1 for row in whole))
    return found


def _skipped(file: _File, offset: int, piece: bytes) -> Found:
    """Skip the lines of a product that is larger than a piece; it is requested separately."""
    named = _ROOT_ID.search(piece[:LINE_HEAD])
    following = _next_root(file, offset)
    return Found(cut_short=[named[1].decode()] if named else [], next=None if following is None else str(following))


def _next_root(file: _File, start: int) -> int | None:
    """Return the byte at which the next product after `start` begins, None if the file ends before it.

    After MOST_PIECES, return the byte from which to continue the search.
    """
    at, head = start, b""
    for n in range(MOST_PIECES):
        offset = start + n * PIECE_BYTES
        piece, last = file.piece(offset)
        piece = _CUT_LETTER.sub(lambda found: b"?" * (len(found[0]) // 3), piece) if n else piece
        *lines, rest = piece.split(b"\n")
        for line in lines:
            if at != start and _ROOT_ID.search((head + line)[:LINE_HEAD]):
                return at
            at, head, offset = offset + len(line) + 1, b"", offset + len(line) + 1
        head = (head + rest)[:LINE_HEAD]
        if last:
            return at if at != start and _ROOT_ID.search(head) else None
    return at


# -- its lines -----------------------------------------------------------------------------------------------------


def _is_root(row: dict[str, Any] | None) -> bool:
    return row is not None and "__parentId" not in row


def _found(rows: list[bytes], read: Reader) -> Found:
    """Return the products of whole lines, and the ids of incomplete products."""
    groups: dict[str, _Group] = {}
    found, orphans, latest = Found(), [], None
    for raw in rows:
        if not raw.strip():
            continue
        row = object_of(raw)
        if row is None:
            if latest is not None:
                latest.is_whole = False
        elif _is_root(row):
            latest = groups.setdefault(str(row.get("id")), _Group(row))
        elif (parent := groups.get(str(row["__parentId"]))) is not None:
            parent.children.append(row)
        else:  # its product is in another piece
            orphans.append(str(row["__parentId"]).rpartition("/")[2])
    for group in groups.values():
        number = str(group.product.get("legacyResourceId") or "")
        if number and not (group.is_whole and group.has_all_variants):
            found.cut_short.append(number)
            continue
        shown, unread = each([group.page_row], read.units, key="legacyResourceId")
        found.unread += unread
        for units, left_out in shown:
            found.units += units
            found.unread += left_out
    found.cut_short = list(dict.fromkeys([*orphans, *found.cut_short]))
    return found


@dataclass
class _Group:
    """A product with the lines of its children."""

    product: dict[str, Any]
    children: list[dict[str, Any]] = field(default_factory=list)
    is_whole: bool = True

    def named(self, kind: str) -> list[dict[str, Any]]:
        """Return the children of a kind."""
        return [row for row in self.children if f"/{kind}/" in str(row.get("id", ""))]

    @property
    def has_all_variants(self) -> bool:
        """Return whether the file holds as many variants as Shopify counts."""
        said = self.product.get("variantsCount")
        most = said.get("count") if isinstance(said, dict) else None
        return not isinstance(most, int) or len(self.named("ProductVariant")) >= most

    @property
    def page_row(self) -> dict[str, Any]:
        """Return the product in the shape of a page's row."""
        variants = [{**row, "media": {"nodes": [{"image": row.get("image")}]}} for row in self.named("ProductVariant")]
        return {
            **self.product,
            "media": {"nodes": self.named("MediaImage")[: products.MOST_PHOTOS]},
            "collections": {"nodes": self.named("Collection")},
            "metafields": {"nodes": self.named("Metafield")},
            "variants": {"nodes": variants},
        }
