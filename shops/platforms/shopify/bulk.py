"""A catalogue that paging does not reach: Shopify writes it to a file, and we read the file piece by piece.

Facts: shopify.dev "Perform bulk operations": lines of JSON, children after their parent (`groupObjects` puts them right
behind it), the file stays for seven days, its address is signed. The cursor is `bulk:<id>|<byte>`, so a crawl can go on
after a restart, and no more than one piece is in memory. A product whose lines are not all in one piece, or not all
there, is asked for by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from shops.platforms import calls
from shops.platforms.reading import each
from shops.platforms.shopify import products, queries
from shops.platforms.shopify.graphql import READ_S, STORE, GraphQL
from shops.platforms.shopify.locations import LevelLocations
from shops.platforms.shopify.products import Found, Reader
from shops.platforms.values import CursorLost, TransientStoreError
from shops.schemas import number_in, object_of

PIECE_BYTES = 1_000_000
#: A product is looked through for its end in so many pieces at a time.
MOST_PIECES = 20
LOOK_AGAIN_S = 5.0
PREFIX = "bulk:"
#: Goes on by pages where Shopify cannot write the file.
BY_PAGES = "pages:"
#: What the storage answers, in XML, once an address is no longer valid or the file is gone.
_GONE = re.compile(
    r"<Code>(?:ExpiredToken|AccessDenied|NoSuchKey|SignatureDoesNotMatch)</Code>|has expired", re.IGNORECASE
)
#: So much of a line is looked at to tell a product from its children: the id comes first.
LINE_HEAD = 2000
#: The rest of a letter that was cut through, as it was read.
_CUT_LETTER = re.compile(rb"\A(?:\xef\xbf\xbd){1,3}")
_ROOT_ID = re.compile(rb'"id":\s*"gid:\\?/\\?/shopify\\?/Product\\?/(\d+)"')


def start(line: GraphQL, wanted: LevelLocations) -> str:
    """Start writing; return the cursor."""
    document = queries.with_levels(queries.BULK_PRODUCTS, wanted.gids)
    made = line.ask(queries.BULK_START, query=document).get("bulkOperationRunQuery") or {}
    operation = made.get("bulkOperation")
    if made.get("userErrors") or not isinstance(operation, dict) or not operation.get("id"):
        words = "; ".join(
            str(error.get("message")) for error in made.get("userErrors") or [] if isinstance(error, dict)
        )
        raise TransientStoreError(f"Shopify could not list all products: {words[:200] or 'no operation'}")
    return f"{PREFIX}{operation['id']}|0"


def page(line: GraphQL, cursor: str, *, admin: str, wanted: LevelLocations) -> Found:
    """Return the products in the next piece. Raises TransientStoreError while the file is being written."""
    gid, _, offset = cursor.removeprefix(PREFIX).rpartition("|")
    data = line.ask(queries.BULK_STATE, id=gid)
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
    """A file that is read by pieces. Its address is its only secret, and it takes no token."""

    line: GraphQL
    url: str
    size: int | None

    def piece(self, offset: int) -> tuple[bytes, bool]:
        """Read bytes from `offset` on; return whether they are the last."""
        wanted = {"Range": f"bytes={offset}-{offset + PIECE_BYTES - 1}"}
        answer = calls.call(STORE, "GET", self.url, budgets=[self.line.budget], headers=wanted, read_s=READ_S)
        if answer.status == 416 and (self.size is None or offset >= self.size):
            return b"", True
        if answer.status in (400, 403, 404, 410) and _GONE.search(answer.text):
            raise CursorLost("Shopify's list of all products is not there any more.")
        # Only an answer that is not a part of the file can be a page: a part may begin within a description.
        if answer.status not in (200, 206) or (answer.status == 200 and answer.text.lstrip()[:1] == "<"):
            raise TransientStoreError(f"Shopify's list of all products answered {answer.status}.")
        text = answer.text.encode()
        if answer.status == 200:  # all of it, whatever was asked for
            return self._whole(text)[offset:], True
        size = number_in(answer.headers.get("Content-Range", "").rpartition("/")[2])
        if self.size is not None and size is not None and size < self.size:
            raise TransientStoreError("Shopify's list of all products is cut short.")
        size = self.size if size is None else size
        # A letter that the end of the piece cuts through is longer here than in the file.
        return text, size is None or offset + PIECE_BYTES >= size

    def _whole(self, text: bytes) -> bytes:
        if self.size is not None and len(text) < self.size:
            raise TransientStoreError("Shopify's list of all products is cut short.")
        return text


def _read(file: _File, offset: int, read: Reader) -> Found:
    """Return what a piece holds; `next` is the byte to go on from."""
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
    """Leave out the lines of a product that is larger than a piece; it is asked for by itself."""
    named = _ROOT_ID.search(piece[:LINE_HEAD])
    following = _next_root(file, offset)
    return Found(cut_short=[named[1].decode()] if named else [], next=None if following is None else str(following))


def _next_root(file: _File, start: int) -> int | None:
    """Return the byte at which the first product behind `start` begins, None when the file ends before.

    After MOST_PIECES it is the byte to go on looking from.
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
    """Return the products of whole lines, and the ids of those of which something is missing."""
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
        """Return whether the file holds as many variants as Shopify says that there are."""
        said = self.product.get("variantsCount")
        most = said.get("count") if isinstance(said, dict) else None
        return not isinstance(most, int) or len(self.named("ProductVariant")) >= most

    @property
    def page_row(self) -> dict[str, Any]:
        """The product in the shape in which a page would have shown it."""
        variants = [{**row, "media": {"nodes": [{"image": row.get("image")}]}} for row in self.named("ProductVariant")]
        return {
            **self.product,
            "media": {"nodes": self.named("MediaImage")[: products.MOST_PHOTOS]},
            "collections": {"nodes": self.named("Collection")},
            "metafields": {"nodes": self.named("Metafield")},
            "variants": {"nodes": variants},
        }
