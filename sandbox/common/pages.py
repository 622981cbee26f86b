"""Pages that stand between a store and its callers: firewalls, maintenance, logins, crashes (`pages/*.html`).

Hosts send them with every status there is; a fault names one (`"page": "cloudflare"`) and says which.
"""

from __future__ import annotations

from pathlib import Path

HTML = "text/html; charset=UTF-8"
#: Page → its text as it is sent. "empty" is none at all.
PAGES = {one.stem: one.read_text() for one in (Path(__file__).parent / "pages").glob("*.html")} | {"empty": ""}
#: Page → headers that come with it.
HEADERS = {
    "cloudflare": {"Server": "cloudflare", "CF-RAY": "8f1c2d3e4f5a6b7c-EWR", "cf-mitigated": "challenge"},
    "varnish": {"Via": "1.1 varnish"},
    "maintenance": {"Retry-After": "600"},
}
