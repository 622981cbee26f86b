"""Convert Reverb's links to the URLs that we call. Pure.

Links are relative or absolute, name several of Reverb's hosts, and may contain letters and blanks that are invalid in a
URL. Only their path and query are used, on the configured host, so that no other host gets the token.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, urlsplit

from shops.snapshots import ReverbListing

#: Characters that stay unencoded in a path and in a query: delimiters, and what is already encoded.
_IN_PATH, _IN_QUERY = "/%:@!$&'()*+,;=~", "/?%:@!$&'()*+,;=~"
#: Most links: they need no encoding.
_PLAIN = re.compile(r"/(?:listings|my)(?:/[A-Za-z0-9_-]+)*")
_OF_LISTING = re.compile(r"(?:/api)?/listings/(\d+)(?:-[^/]*)?")


def address(root: str, link: str) -> str:
    """Return the URL for a path or link on the API whose root is `root`, percent-encoded."""
    if _PLAIN.fullmatch(link):
        return root + link
    base, parts = urlsplit(root), _parts(link)
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    path = path.removeprefix(base.path) if path.startswith(f"{base.path}/") else path
    path = path.removeprefix("/api") if path.startswith("/api/") else path
    query = f"?{_encoded(parts.query, _IN_QUERY)}" if parts.query else ""
    return f"{base.scheme}://{base.netloc}{base.path}{_encoded(path, _IN_PATH)}{query}"


def of_listing(listing: ReverbListing) -> str:
    """Return the path to write to a listing: its own link (docs: `_links.self`), or one by id if that differs."""
    path = _parts(listing.self_url).path
    found = _OF_LISTING.fullmatch(path)
    return path if found and found.group(1) == listing.id else f"/listings/{listing.id}"


def _encoded(text: str, safe: str) -> str:
    """Percent-encode a text; a "%" that begins no escape is encoded too."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text), safe=safe, errors="replace")


def _parts(link: str) -> SplitResult:
    try:
        return urlsplit(link)
    except ValueError:  # for example brackets without a host
        return urlsplit("")
