"""The file of a bulk operation, read in pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from shops.platforms import calls
from shops.platforms.errors import CursorLost, TransientStoreError
from shops.platforms.shopify.endpoint import READ_S, STORE
from shops.platforms.shopify.graphql import GraphQL
from shops.schemas import number_in

PIECE_BYTES = 1_000_000
#: Pieces per call that are searched for the end of a product.
MOST_PIECES = 20
#: The storage's XML error once a URL has expired or the file is deleted.
_GONE = re.compile(
    r"<Code>(?:ExpiredToken|AccessDenied|NoSuchKey|SignatureDoesNotMatch)</Code>|has expired", re.IGNORECASE
)
#: Bytes of a line that are searched for a product's id, which comes first.
LINE_HEAD = 2000
#: The rest of a character that the piece's start cuts, after decoding.
_CUT_LETTER = re.compile(rb"\A(?:\xef\xbf\xbd){1,3}")
ROOT_ID = re.compile(rb'"id":\s*"gid:\\?/\\?/shopify\\?/Product\\?/(\d+)"')


@dataclass
class BulkFile:
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


def next_root(file: BulkFile, start: int) -> int | None:
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
            if at != start and ROOT_ID.search((head + line)[:LINE_HEAD]):
                return at
            at, head, offset = offset + len(line) + 1, b"", offset + len(line) + 1
        head = (head + rest)[:LINE_HEAD]
        if last:
            return at if at != start and ROOT_ID.search(head) else None
    return at


def is_root(row: dict[str, Any] | None) -> bool:
    """Return whether a line of the file is a product, not a part of one."""
    return row is not None and "__parentId" not in row
