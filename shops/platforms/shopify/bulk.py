"""A catalogue that paging does not reach: Shopify writes it to a file, and we read the file piece by piece.

Facts: shopify.dev "Perform bulk operations": lines of JSON, children grouped under their parent (`groupObjects`), the
file stays for seven days. The cursor is `bulk:<id>:<byte>`, so a walk can go on after a restart, and no more than one
piece is in memory.
"""

from __future__ import annotations

import json
from typing import Any

from shops.pictures import StoreProduct
from shops.platforms import calls
from shops.platforms.shopify import products, queries
from shops.platforms.shopify.graphql import READ_S, STORE, GraphQL, budget_of
from shops.platforms.values import CursorLost, Page, StorePassing, Unsupported

PIECE_BYTES = 1_000_000
LOOK_AGAIN_S = 5.0
#: A page shows no more of these; a file that said more would look like a change.
MOST = {"media": 10, "collections": 5, "metafields": 8}


def start(line: GraphQL) -> str:
    """Start writing; return the cursor."""
    made = line.ask(queries.BULK_START, query=queries.BULK_PRODUCTS)["bulkOperationRunQuery"] or {}
    if made.get("userErrors"):
        raise StorePassing(f"Shopify could not list all products: {str(made['userErrors'][0]['message'])[:200]}")
    return f"bulk:{made['bulkOperation']['id']}|0"


def page(line: GraphQL, cursor: str, *, admin: str) -> Page:
    """Return the whole products in the next piece. Raises StorePassing while the file is being written."""
    gid, _, offset = cursor.removeprefix("bulk:").rpartition("|")
    data = line.ask(queries.BULK_STATE, id=gid)
    state = data.get("bulkOperation") or {}
    status = state.get("status")
    if status in ("CREATED", "RUNNING"):
        raise StorePassing("Shopify is still listing all products.", retry_after=LOOK_AGAIN_S)
    if status != "COMPLETED":  # such as FAILED, or null once Shopify has forgotten it
        raise CursorLost(f"Shopify could not list all products ({status}).")
    total = int(state.get("rootObjectCount") or 0)
    if not state.get("url"):
        return Page((), None, total)
    piece, last = _piece(line, str(state["url"]), int(offset))
    lines, rest = _whole_products(piece, last=last)
    found = [unit for group in _groups(lines) for unit in _units(group, data["shop"]["currencyCode"], admin)]
    return Page(tuple(found), None if last else f"bulk:{gid}|{int(offset) + len(piece) - len(rest)}", total)


def _piece(line: GraphQL, url: str, offset: int) -> tuple[bytes, bool]:
    """Read bytes from `offset` on; tell whether they are the last. The address is signed, it takes no token."""
    wanted = {"Range": f"bytes={offset}-{offset + PIECE_BYTES - 1}"}
    answer = calls.call(STORE, "GET", url, budgets=[budget_of(line.address)], headers=wanted, read_s=READ_S)
    if answer.status == 416:
        return b"", True
    if answer.status in (403, 404, 410):
        raise CursorLost("Shopify's list of products is not there any more.")
    if answer.status not in (200, 206):
        raise StorePassing(f"Shopify's list of products answered {answer.status}.")
    piece = answer.text.encode()
    size = answer.headers.get("Content-Range", "").rpartition("/")[2]
    if answer.status == 200:
        return piece[offset:], True
    return piece, size.isdigit() and offset + len(piece) >= int(size)


def _whole_products(piece: bytes, *, last: bool) -> tuple[list[dict[str, Any]], bytes]:
    """Return the lines of the products that end in the piece, and the bytes of the one that may go on."""
    if last:
        return [json.loads(row) for row in piece.splitlines() if row.strip()], b""
    rows = piece.split(b"\n")
    begins = [n for n, row in enumerate(rows[:-1]) if b'"__parentId"' not in row]
    if len(begins) < 2:
        raise Unsupported("A product is larger than a piece of Shopify's list.")
    cut = begins[-1]
    return [json.loads(row) for row in rows[:cut] if row.strip()], b"\n".join(rows[cut:])


def _groups(lines: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: list[list[dict[str, Any]]] = []
    for row in lines:
        if "__parentId" not in row:
            groups.append([row])
        elif groups:
            groups[-1].append(row)
    return groups


def _units(group: list[dict[str, Any]], currency: str, admin: str) -> list[StoreProduct]:
    """Return a product's units out of its lines, in the shape that a page would have shown them in."""
    product, *children = group
    variants = [row for row in children if "/ProductVariant/" in str(row.get("id", ""))]

    def named(kind: str) -> list[dict[str, Any]]:
        return [row for row in children if f"/{kind}/" in str(row.get("id", ""))]

    photos = [row for row in named("MediaImage") if row.get("__parentId") == product.get("id")]
    whole = {
        **product,
        "media": {"nodes": photos[: MOST["media"]]},
        "collections": {"nodes": named("Collection")[: MOST["collections"]]},
        "metafields": {"nodes": named("Metafield")[: MOST["metafields"]]},
        "variants": {"nodes": [{**row, "media": {"nodes": [{"image": row.get("image")}]}} for row in variants]},
    }
    return products.read({"shop": {"currencyCode": currency}, "product": whole}, admin=admin)[0]
