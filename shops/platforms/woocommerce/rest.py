"""Calls to wc/v3: how the keys travel, and which answers are WooCommerce's own.

Facts: WooCommerce 11 as seen, and its REST docs. An error is `{"code", "message", "data": {"status"}}`; the code is
never translated. A wrong secret is `woocommerce_rest_authentication_error`; a wrong key, and no key at all, is
`woocommerce_rest_cannot_view` or `…_cannot_edit`. A missing object is `woocommerce_rest_…_invalid_id`, with 404, and
with 400 where it is written to. `rest_…` without `woocommerce` comes from WordPress: a route that is missing during an
update, or a security plug-in that closes the REST API.
"""

from __future__ import annotations

import base64
import re
from typing import Any, ClassVar
from urllib.parse import urlencode

from reverbsync import clock
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.limiter import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, Verdict, judge
from shops.platforms.values import Away, Malformed, Missing
from shops.platforms.woocommerce import signing
from shops.schemas import number_in, words_of

STORE = "WooCommerce"
CALLS_PER_MINUTE = 180
#: How keys travel if the first way is answered with 401 or 403: hosts take the Authorization header away before
#: WordPress sees it, and some end TLS in front of it.
OTHER_WAY = {"header": "query", "signed": "basic"}

_MISSING = re.compile(r"woocommerce_rest_(?:\w+_)?invalid_id")
_KEYS = re.compile(r"woocommerce_rest_(?:authentication_error|cannot_(?:view|edit|create|delete|batch|access))")
_WRONG = "woocommerce_rest_authentication_error"
_REFUSED = re.compile(r"woocommerce_\w+|product_invalid_\w+|rest_invalid_param|rest_missing_callback_param")
#: Codes of WordPress and of security plug-ins, and what the seller can do.
_CLOSED = re.compile(
    r"rest_(?:disabled|forbidden|cannot_access|login_required|not_logged_in|\w*unauthori[sz]ed)|itsec_\w+"
)


class WooCommerceCaller(Caller):
    """Calls one store. `self.shop_id` is the shop's; the keys travel in the header unless that does not work."""

    store: ClassVar[str] = STORE
    allow: ClassVar[str] = "the addresses below /wp-json/wc/v3/ and the Authorization header for ReverbSync"

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self.shop_id = connection.shop_id
        self._root = connection.address
        self._key, _, self._secret = connection.token.get_secret_value().partition(":")
        self._host = connection.address.partition("//")[2]
        self.budget = Budget(f"woocommerce:{self._host}", CALLS_PER_MINUTE)
        #: Over plain http the secret does not travel, it signs.
        self._way = "signed" if self._root.startswith("http://") else "header"
        #: The store has answered to this way of sending the keys.
        self._proven = False

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call, with the keys sent the way that this store takes them."""
        answer = self._by(self._way, method, path, body)
        verdict, _ = judge(answer, self)
        if answer.status not in (401, 403):
            self._proven = self._proven or verdict != Verdict.LATER
            return answer
        if self._proven or self._way not in OTHER_WAY or self._has_arrived(answer):
            return answer
        if method != "GET" and verdict != Verdict.KEYS:
            return answer  # not WooCommerce's own refusal, so it may have been applied
        return self._by_other_way(method, path, body, answer, verdict)

    def _by_other_way(self, method: str, path: str, body: object, first: Answer, verdict: Verdict) -> Answer:
        """Send the keys the other way; return the answer that says more. Raises TransientStoreError if both fail."""
        other = OTHER_WAY[self._way]
        second = self._by(other, method, path, body)
        said, _ = judge(second, self)
        if said not in (Verdict.KEYS, Verdict.LATER):
            self._way, self._proven = other, True
            return second
        if said == verdict or second.status not in (401, 403):
            return first if said == verdict else second
        blocked = second if said == Verdict.LATER else first
        raise Away(
            f"A firewall or security plug-in hides our keys from WooCommerce: one way of sending them is blocked"
            f" ({blocked.status}), the other removed. Allow {self.allow}.",
            may_have_applied=method != "GET",
        )

    def _has_arrived(self, answer: Answer) -> bool:
        """Return whether WooCommerce saw the keys and found them wrong."""
        return self._way == "header" and _code(_said(answer)) == _WRONG

    def _by(self, way: str, method: str, path: str, body: object) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Cache-Control": "no-cache"}
        url = f"{self._root}/wp-json/wc/v3{path}"
        if method == "GET":  # caches that ignore Cache-Control take another address for another page
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

    def own_words(self, status: int, said: Any) -> Verdict | None:
        """Return what WooCommerce's own error means; None for WordPress's, plug-ins' and everybody else's."""
        code = _code(said)
        if status in (400, 404, 410) and _MISSING.fullmatch(code):
            return Verdict.MISSING
        if status in (401, 403):
            return Verdict.KEYS if _KEYS.fullmatch(code) else None
        return Verdict.REFUSED if status in (400, 409, 422) and _REFUSED.fullmatch(code) else None

    def probe(self) -> Answer:
        """Ask for one product."""
        return self.send("GET", "/products?per_page=1", None)

    def words(self, said: Any) -> str:
        """Return the sentence of an error as plain text, with what to do where the REST API is not there."""
        words = words_of(super().words(said))
        if not words:
            return ""
        if _CLOSED.fullmatch(code := _code(said)):
            return f"{words} A plug-in closes WordPress's REST API. Allow {self.allow}."
        if code == "rest_no_route":
            return f"{words} WooCommerce is being updated, or is not active."
        return words

    def words_of_redirect(self, location: str) -> str:
        """Return what keeps WordPress from answering below /wp-json/: it leads to a page of its own.

        With plain permalinks (WordPress 7 as seen) it is the same address with a slash at its end.
        """
        if not (location.startswith(f"{self._root}/") or re.match("/(?!/)", location)):
            return ""
        return (
            f"{STORE} leads our call to a page of your site. In WordPress, under Settings, Permalinks, choose anything"
            f" but “Plain”; if it is not that, a plug-in closes the REST API: allow {self.allow}."
        )

    def record(self, method: str, path: str, body: object = None, *, number: str = "") -> dict[str, Any]:
        """Return the object that a call answers with. Raises Malformed for anything else, and for another `number`."""
        said = self.json(method, path, body)
        if not isinstance(said, dict) or (number and str(said.get("id")).strip() != number):
            raise Malformed(
                f"{STORE} answered something else than what it was asked for.", may_have_applied=method != "GET"
            )
        return said

    def confirm_gone(self, missing: Missing, path: str, number: str) -> None:
        """Ask once more, in another way, before an object counts as gone. Raises Malformed where the list has it."""
        rows, _ = self.list_at(f"{path}?include={number}&per_page=1")
        if any(name_of(row) == number for row in rows):
            raise Malformed(str(missing)) from None


def name_of(row: Any) -> str:
    """Return what distinguishes a row from the others of its list."""
    return str(row.get("id")) if isinstance(row, dict) and row.get("id") else repr(row)


def header_number(answer: Answer, name: str) -> int | None:
    """Return a number that a header holds, None where it holds none: caches and proxies drop and double headers."""
    return number_in(answer.headers.get(name, "").strip())


def _said(answer: Answer) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _code(said: Any) -> str:
    code = said.get("code") if isinstance(said, dict) else ""
    return code if isinstance(code, str) else ""
