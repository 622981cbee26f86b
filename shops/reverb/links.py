"""Reverb's links → addresses that we call. Pure.

Links are relative or absolute, name several hosts of Reverb's, and may hold letters and blanks that no address can.
Only path and query of one are used, on the configured host, so that the token goes nowhere else.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, urlsplit

from shops.snapshots import ReverbListing

#: What stays as it is in a path and in a query: delimiters, and what is encoded already.
_IN_PATH, _IN_QUERY = "/%:@!$&'()*+,;=~", "/?%:@!$&'()*+,;=~"
#: What needs nothing done to it; by far the most.
_PLAIN = re.compile(r"/(?:listings|my)(?:/[A-Za-z0-9_-]+)*")
_OF_LISTING = re.compile(r"(?:/api)?/listings/(\d+)(?:-[^/]*)?")


def address(root: str, link: str) -> str:
    """Return the address for a path or link on the API whose root is `root`, percent-encoded."""
    if _PLAIN.fullmatch(link):
        return root + link
    base, parts = urlsplit(root), _parts(link)
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    path = path.removeprefix(base.path) if path.startswith(f"{base.path}/") else path
    path = path.removeprefix("/api") if path.startswith("/api/") else path
    query = f"?{_encoded(parts.query, _IN_QUERY)}" if parts.query else ""
    return f"{base.scheme}://{base.netloc}{base.path}{_encoded(path, _IN_PATH)}{query}"


def of_listing(listing: ReverbListing) -> str:
    """Return the link to write to a listing: its own (docs: `_links.self`), or by its id where that leads elsewhere."""
    path = _parts(listing.self_url).path
    found = _OF_LISTING.fullmatch(path)
    return path if found and found.group(1) == listing.id else f"/listings/{listing.id}"


def _encoded(text: str, safe: str) -> str:
    """Percent-encode what is not; a "%" that begins no code is one itself."""
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text), safe=safe, errors="replace")


def _parts(link: str) -> SplitResult:
    try:
        return urlsplit(link)
    except ValueError:  # such as brackets that are no host
        return urlsplit("")
