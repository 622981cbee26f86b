"""Signed calls to a seller's own system, and what its answers mean."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, cast

from reverbsync import clock
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, CallOutcome
from shops.platforms.custom import product_messages, signing
from shops.platforms.errors import Malformed, Moved
from shops.schema_text import object_of

STORE = "Your system"
CALLS_PER_MINUTE = 120
READ_S = 20.0
#: Generic texts that gateways put in place of the system's own message.
NO_WORDS = re.compile(
    f"|error|error code:? *[0-9]+|[0-9]+|{'|'.join(re.escape(one.phrase.lower()) for one in HTTPStatus)}"
)


class Conflict(Moved):
    """The system's stock differs from what we sent; `answer` has its own number."""

    def __init__(self, answer: product_messages.Adjusted) -> None:
        super().__init__("The stock in your system has moved.")
        self.answer = answer


class CustomCaller(Caller):
    """Posts signed messages; a call's path is the message's type, its body the data and the id."""

    store = STORE

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        # Addresses are unverified, so each shop has its own budget and circuit breaker.
        self.budget = Budget(f"custom:{connection.pk}@{connection.address}", CALLS_PER_MINUTE)

    def send(self, method: str, path: str, body: object) -> Answer:
        data, key = cast("tuple[dict[str, Any], str]", body)
        now = clock.now()
        sent = json.dumps({"type": path, "timestamp": now.isoformat(), "data": data}).encode()
        headers = signing.sign(self._connection.secret.get_secret_value(), key, now, sent)
        return calls.call(
            STORE,
            method,
            self._connection.address,
            budgets=[self.budget],
            headers={"Content-Type": "application/json", **headers},
            body=sent,
            read_s=READ_S,
        )

    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Return the outcome of the system's own error: an object whose `error` is a sentence.

        Web servers, gateways and frameworks in front of it answer with pages, other fields, or only a status's name.
        """
        words = said.get("error") if isinstance(said, dict) else None
        if not isinstance(words, str) or NO_WORDS.fullmatch(words.strip(" .").lower()):
            return None
        if status in (401, 403):
            return CallOutcome.KEYS
        return CallOutcome.REFUSED if status in (404, 409, 422) else None

    def words(self, said: Any) -> str:
        return str(said.get("error") or said.get("message") or "")[:300] if isinstance(said, dict) else ""

    def probe(self) -> Answer:
        return self.send("POST", "ping", ({}, str(uuid.uuid4())))

    def adjust(self, data: dict[str, Any], key: str) -> product_messages.Adjusted:
        """Send `stock.adjust` and return the answered stock.

        Raise Conflict with the system's own stock if it differs. An answer without a stock, or with the previous one,
        does not confirm the change, whatever its status: the message must be retried with the same id.
        """
        answer = self.send("POST", "stock.adjust", (data, key))
        is_conflict = answer.status == HTTPStatus.CONFLICT
        said = object_of(answer.text.encode()) if is_conflict else calls.json_of(STORE, self.checked("POST", answer))
        adjusted = product_messages.adjusted(said)
        if adjusted is None:
            words = f"{STORE}'s answer to stock.adjust ({answer.status}) does not say the stock."
            raise Malformed(words, may_have_applied=True)
        if not is_conflict and adjusted.stock == data["from"]:
            # If it counted as done, the units would later count as put back.
            raise Malformed(
                f"{STORE}'s answer to stock.adjust shows the stock as it was before.", may_have_applied=True
            )
        if adjusted.updated_at is None:  # a message sent before the answer but delivered later counts as older
            adjusted = adjusted.model_copy(update={"updated_at": _date_of(answer)})
        if is_conflict:
            raise Conflict(adjusted)
        return adjusted

    def post(self, kind: str, data: dict[str, Any], key: str) -> dict[str, Any]:
        """Send a message and return the answered object. Raise like `json`; raise Malformed if it is not an object."""
        said = self.json("POST", kind, (data, key))
        if not isinstance(said, dict):
            raise Malformed(f"{STORE} did not answer {kind} with an object of JSON.", may_have_applied=True)
        return said


def _date_of(answer: Answer) -> datetime | None:
    """Return an answer's Date header (UTC), None if it is absent or invalid."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
