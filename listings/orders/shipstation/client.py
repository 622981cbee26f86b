"""HTTP client for ShipStation's V1 API for one seller: keys, rate limit, pagination, and errors in our words."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from pydantic import SecretStr

from listings.orders.shipstation import notices
from listings.orders.shipstation.notices import Label
from reverbsync.http import errors
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import throttle
from reverbsync.ratelimit.budget import Budget, RateLimitUnavailable
from shops import breaker
from shops.schemas import number_in

CALLS_PER_MINUTE = 40
PAGE = 100
MAX_PAGES = 20
DEFAULT_WAIT_S, MOST_WAIT_S = 30.0, 900.0


class ShipStationError(Exception):
    """A call that failed. `transient`: a retry may succeed; otherwise the seller must fix something."""

    def __init__(self, words: str, *, transient: bool, retry_after: float | None = None) -> None:
        """Store the message, which contains no key, and the seconds to wait."""
        super().__init__(words)
        self.transient = transient
        self.retry_after = retry_after


class ShipStationClient:
    """A client of ShipStation's API for one seller."""

    def __init__(self, api_key: SecretStr, api_secret: SecretStr) -> None:
        """Prepare the client without calling ShipStation."""
        pair = f"{api_key.get_secret_value()}:{api_secret.get_secret_value()}"
        self._auth = SecretStr(f"Basic {base64.b64encode(pair.encode()).decode()}")
        # ShipStation's limit counts per key, for all shops that use it.
        account = hashlib.sha256(pair.encode()).hexdigest()[:16]
        self._budget = Budget(f"shipstation:{account}", CALLS_PER_MINUTE)

    def keep_hook(self, address: str) -> str:
        """Register `address` as the webhook for new labels, unless it is; return ShipStation's id of the webhook."""
        said = self._call("GET", "/webhooks")
        rows = said.get("webhooks") if isinstance(said, dict) else None
        for row in rows or []:
            if isinstance(row, dict) and row.get("Url") == address and row.get("HookType") == "SHIP_NOTIFY":
                return str(row.get("WebHookID") or "")
        wish = {"target_url": address, "event": "SHIP_NOTIFY", "store_id": None, "friendly_name": "ReverbSync"}
        made = self._call("POST", "/webhooks/subscribe", wish)
        return str(made.get("id") or "") if isinstance(made, dict) else ""

    def drop_hook(self, number: str) -> None:
        """Remove our webhook."""
        self._call("DELETE", f"/webhooks/{int(number)}", missing=True)

    def labels(self, path: str, query: Mapping[str, str]) -> list[Label]:
        """Return the parcels that match a filter."""
        found: list[Label] = []
        for number in range(1, MAX_PAGES + 1):
            params = {**query, "includeShipmentItems": "true", "pageSize": PAGE, "page": number}
            more, pages = notices.page(self._call("GET", f"{path}?{urlencode(params)}"))
            found += more
            if number >= pages:
                break
        return found

    def _call(self, method: str, path: str, body: object = None, *, missing: bool = False) -> Any:
        headers = {
            "Authorization": self._auth.get_secret_value(),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        url = settings.SHIPSTATION_API_URL + path
        try:
            answer = breaker.call(self._budget.name, method, url, budgets=[self._budget], headers=headers, body=body)
        except breaker.Open as away:
            raise ShipStationError(f"ShipStation {away}", transient=True, retry_after=away.retry_after) from None
        except errors.RateLimited as limited:
            raise ShipStationError(
                "ShipStation's rate limit is used up.", transient=True, retry_after=limited.retry_after
            ) from None
        except errors.NotAllowed as error:
            raise ShipStationError(f"ShipStation: {error}.", transient=False) from None
        except errors.Unreachable as error:
            raise ShipStationError(f"ShipStation: {error}.", transient=True) from None
        if missing and answer.status == 404:
            return None
        if not 200 <= answer.status < 300:
            raise self._error(answer)
        try:
            return answer.json()
        except ValueError:
            raise ShipStationError("ShipStation's answer could not be read.", transient=True) from None

    def _error(self, answer: Answer) -> ShipStationError:
        if answer.status == 429:
            reset_s = number_in(answer.headers.get("X-Rate-Limit-Reset", ""))
            wait = DEFAULT_WAIT_S if reset_s is None else min(MOST_WAIT_S, max(1.0, reset_s))
            with contextlib.suppress(RateLimitUnavailable):  # without Redis no call is made anyway
                throttle.block(self._budget.name, wait)
            return ShipStationError("ShipStation asks us to wait.", transient=True, retry_after=wait)
        if answer.status in (401, 403):
            return ShipStationError("ShipStation does not take this API key and secret.", transient=False)
        return ShipStationError(f"ShipStation answered {answer.status}.", transient=answer.status >= 500)
