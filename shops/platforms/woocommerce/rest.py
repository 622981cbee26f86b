"""Call wc/v3: how the keys are sent, and which answers are WooCommerce's own.

Facts: WooCommerce 11 as seen, and its REST docs. An error is `{"code", "message", "data": {"status"}}`; the code is
never translated. A wrong secret is `woocommerce_rest_authentication_error`; a wrong or absent key is
`woocommerce_rest_cannot_view` or `…_cannot_edit`. A missing object is `woocommerce_rest_…_invalid_id`, with 404, or
with 400 for a write. `rest_…` without `woocommerce` comes from WordPress: a route that is missing during an update, or
a security plug-in that blocks the REST API.
"""

from __future__ import annotations

import base64
import re
from typing import Any, ClassVar
from urllib.parse import urlencode

from reverbsync import clock
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, CallOutcome, judge
from shops.platforms.errors import Away, Malformed, Missing
from shops.platforms.woocommerce import signing
from shops.schema_text import words_of
from shops.schemas import number_in

STORE = "WooCommerce"
CALLS_PER_MINUTE = 180
#: How keys are sent if the first way is answered with 401 or 403: some hosts remove the Authorization header before
#: WordPress sees it, and some terminate TLS in front of it.
OTHER_WAY = {"header": "query", "signed": "basic"}

_MISSING = re.compile(r"woocommerce_rest_(?:\w+_)?invalid_id")
_KEYS = re.compile(r"woocommerce_rest_(?:authentication_error|cannot_(?:view|edit|create|delete|batch|access))")
_WRONG = "woocommerce_rest_authentication_error"
_REFUSED = re.compile(r"woocommerce_\w+|product_invalid_\w+|rest_invalid_param|rest_missing_callback_param")
#: Codes of WordPress and of security plug-ins that block the REST API.
_CLOSED = re.compile(
    r"rest_(?:disabled|forbidden|cannot_access|login_required|not_logged_in|\w*unauthori[sz]ed)|itsec_\w+"
)


class WooCommerceCaller(Caller):
    """Calls one store. The keys are sent in the header unless that fails."""

    store: ClassVar[str] = STORE
    allow: ClassVar[str] = "the addresses below /wp-json/wc/v3/ and the Authorization header for ReverbSync"

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self.shop_id = connection.shop_id
        self._root = connection.address
        self._key, _, self._secret = connection.token.get_secret_value().partition(":")
        self._host = connection.address.partition("//")[2]
        self.budget = Budget(f"woocommerce:{self._host}", CALLS_PER_MINUTE)
        #: Over plain http the secret only signs and is never sent.
        self._way = "signed" if self._root.startswith("http://") else "header"
        #: Whether the store has accepted this way of sending the keys.
        self._proven = False

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call, with the keys sent in the way that this store accepts."""
        answer = self._by(self._way, method, path, body)
        outcome, _ = judge(answer, self)
        if answer.status not in (401, 403):
            self._proven = self._proven or outcome != CallOutcome.LATER
            return answer
        if self._proven or self._way not in OTHER_WAY or self._has_arrived(answer):
            return answer
        if method != "GET" and outcome != CallOutcome.KEYS:
            return answer  # not WooCommerce's own refusal, so it may have been applied
        return self._by_other_way(method, path, body, answer, outcome)

    def _by_other_way(self, method: str, path: str, body: object, first: Answer, outcome: CallOutcome) -> Answer:
        """Send the keys the other way; return the more informative answer. Raise TransientStoreError if both fail."""
        other = OTHER_WAY[self._way]
        second = self._by(other, method, path, body)
        said, _ = judge(second, self)
        if said not in (CallOutcome.KEYS, CallOutcome.LATER):
            self._way, self._proven = other, True
            return second
        if said == outcome or second.status not in (401, 403):
            return first if said == outcome else second
        blocked = second if said == CallOutcome.LATER else first
        raise Away(
            f"A firewall or security plug-in hides our keys from WooCommerce: one way of sending them is blocked"
            f" ({blocked.status}), the other removed. Allow {self.allow}.",
            may_have_applied=method != "GET",
        )

    def _has_arrived(self, answer: Answer) -> bool:
        """Return whether WooCommerce received the keys and found them wrong."""
        return self._way == "header" and _code(_said(answer)) == _WRONG

    def _by(self, way: str, method: str, path: str, body: object) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Cache-Control": "no-cache"}
        url = f"{self._root}/wp-json/wc/v3{path}"
        if method == "GET":  # defeats caches that ignore Cache-Control
            url += f"{'&' if '?' in url else '?'}_={clock.now().timestamp():.3f}"
        if way == "signed":
            url = signing.signed(method, url, self._key, self._secret)
        elif way == "query":
            keys = urlencode({"consumer_key": self._key, "consumer_secret": self._secret})
            url += ("&" if "?" in url else "?") + keys
        else:
            pair = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return calls.call(STORE, method, url, budgets=[self.budget], headers=headers, body=body)

    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Return the outcome of WooCommerce's own error; None for errors of WordPress, plug-ins and proxies."""
        code = _code(said)
        if status in (400, 404, 410) and _MISSING.fullmatch(code):
            return CallOutcome.MISSING
        if status in (401, 403):
            return CallOutcome.KEYS if _KEYS.fullmatch(code) else None
        return CallOutcome.REFUSED if status in (400, 409, 422) and _REFUSED.fullmatch(code) else None

    def probe(self) -> Answer:
        """List one product."""
        return self.send("GET", "/products?per_page=1", None)

    def words(self, said: Any) -> str:
        """Return an error's message as plain text, with advice if the REST API is blocked or missing."""
        words = words_of(super().words(said))
        if not words:
            return ""
        if _CLOSED.fullmatch(code := _code(said)):
            return f"{words} A plug-in closes WordPress's REST API. Allow {self.allow}."
        if code == "rest_no_route":
            return f"{words} WooCommerce is being updated, or is not active."
        return words

    def words_of_redirect(self, location: str) -> str:
        """Return the sentence for a redirect below /wp-json/ to a page of the site itself.

        With plain permalinks (WordPress 7 as seen), it leads to the same URL with a trailing slash.
        """
        if not (location.startswith(f"{self._root}/") or re.match("/(?!/)", location)):
            return ""
        return (
            f"{STORE} leads our call to a page of your site. In WordPress, under Settings, Permalinks, choose anything"
            f" but “Plain”; if it is not that, a plug-in closes the REST API: allow {self.allow}."
        )

    def record(self, method: str, path: str, body: object = None, *, number: str = "") -> dict[str, Any]:
        """Return the object that a call is answered with. Raise Malformed for anything else or another `number`."""
        said = self.json(method, path, body)
        if not isinstance(said, dict) or (number and str(said.get("id")).strip() != number):
            raise Malformed(
                f"{STORE} answered something else than what it was asked for.", may_have_applied=method != "GET"
            )
        return said

    def confirm_gone(self, missing: Missing, path: str, number: str) -> None:
        """Confirm by a list that an object is gone. Raise Malformed if the list contains it."""
        rows, _ = self.list_at(f"{path}?include={number}&per_page=1")
        if any(name_of(row) == number for row in rows):
            raise Malformed(str(missing)) from None


def name_of(row: Any) -> str:
    """Return what identifies a row within its list."""
    return str(row.get("id")) if isinstance(row, dict) and row.get("id") else repr(row)


def header_number(answer: Answer, name: str) -> int | None:
    """Return a header's number, None if it has none: caches and proxies drop and duplicate headers."""
    return number_in(answer.headers.get(name, "").strip())


def _said(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _code(said: Any) -> str:
    code = said.get("code") if isinstance(said, dict) else ""
    return code if isinstance(code, str) else ""
