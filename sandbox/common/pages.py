"""Pages sent by what is in front of a store: firewalls, maintenance, logins, crashes (`pages/*.html`).

Hosts send them with any status; a fault names the page (`"page": "cloudflare"`) and the status.
"""

from __future__ import annotations

from pathlib import Path

HTML = "text/html; charset=UTF-8"
#: Page → its text as sent; "empty" is an empty body.
PAGES = {one.stem: one.read_text() for one in (Path(__file__).parent / "pages").glob("*.html")} | {"empty": ""}
#: Page → its response headers.
HEADERS = {
    "cloudflare": {"Server": "cloudflare", "CF-RAY": "8f1c2d3e4f5a6b7c-EWR", "cf-mitigated": "challenge"},
    "varnish": {"Via": "1.1 varnish"},
    "maintenance": {"Retry-After": "600"},
}
