"""HTTP to one Shopify store: GraphQL paced by what its cost answers say, and tokens that are renewed in time.

Facts: shopify.dev "Rate limits" (points, THROTTLED with status 200), "Offline access tokens".
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.alone import in_turn
from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.shopify import queries, tokens
from shops.platforms.shopify.tokens import Tokens
from shops.platforms.values import StorePassing, StoreRefused

STORE = "Shopify"
#: Far above what the cost limits allow; the cost answers set the real pace.
CALLS_PER_MINUTE = 1200
READ_S = 20.0
#: Part of a store's points that a walk leaves to what cannot wait, such as stock and orders.
WALK_LEAVES = 0.5


class TooCostly(StorePassing):
    """The document asks for more points than one query may cost."""


def root_of(address: str) -> str:
    """Return where a store is called: its own address, or the stand-in's."""
    return settings.SHOPIFY_ADMIN_URL or f"https://{address}"


def budget_of(address: str) -> Budget:
    """Return the store's part of the pace."""
    return Budget(f"shopify:{address}", CALLS_PER_MINUTE)


def walk_budget_of(address: str) -> Budget:
    """Return what walks through the store keep to besides: it is held while too few points are left."""
    return Budget(f"shopify:{address}:walk", CALLS_PER_MINUTE)


class GraphQL:
    """Asks one store, as a connection that may be renewed."""

    def __init__(self, connection: StoreConnection) -> None:
        """A connection that is not saved yet can be asked with, but not renewed."""
        self._connection = connection
        self.address = connection.address

    def ask(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """Return `data` of the answer. Raises StorePassing or StoreRefused; a write may be done all the same."""
        return self._asked(query, variables, leaves=0.0)

    def ask_for_walk(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """As `ask`, for a page of a walk: it waits until the store has points again to leave to what cannot wait."""
        return self._asked(query, variables, leaves=WALK_LEAVES)

    def _asked(self, query: str, variables: dict[str, Any], *, leaves: float) -> dict[str, Any]:
        budgets = [budget_of(self.address)]
        if leaves:
            budgets.append(walk_budget_of(self.address))
        held = self._tokens()
        answer = self._send(held, query, variables, budgets)
        if answer.status == 401 and held.refresh:
            # The token may have been renewed by another worker, or ended early: once more with a new one.
            answer = self._send(self._renewed(held), query, variables, budgets)
        body = self._body(answer, write="mutation" in query.split("(", 1)[0])
        wait_s = _refilled_s(body, leaves=leaves)
        # A throttled answer has status 200, `errors` and no `data`; taking it for "not found" would end listings.
        if body.get("errors") or not isinstance(body.get("data"), dict):
            raise _error(body, budgets[-1], wait_s)
        if leaves and wait_s:
            calls.hold(budgets[-1], wait_s)
        data: dict[str, Any] = body["data"]
        return data

    def _send(self, held: Tokens, query: str, variables: dict[str, Any], budgets: list[Budget]) -> Answer:
        return calls.call(
            STORE,
            "POST",
            f"{root_of(self.address)}/admin/api/{queries.VERSION}/graphql.json",
            budgets=budgets,
            headers={"Content-Type": "application/json", "X-Shopify-Access-Token": held.access},
            body={"query": query, "variables": variables},
            read_s=READ_S,
        )

    def _body(self, answer: Answer, *, write: bool) -> dict[str, Any]:
        if answer.status in (401, 402, 403, 404):
            raise StoreRefused(f"Shopify refused our token (status {answer.status}).")
        if answer.status == 429:
            raise calls.slow_down(STORE, budget_of(self.address), answer)
        body = calls.json_of(STORE, answer)
        if answer.status != 200 or not isinstance(body, dict):
            raise StorePassing(f"Shopify answered {answer.status}.", maybe_done=write and answer.status >= 500)
        return body

    # -- tokens ------------------------------------------------------------------------------------------------

    def _tokens(self) -> Tokens:
        held = tokens.taken(self._connection.token.get_secret_value())
        return self._renewed(held) if held.must_renew(clock.now()) else held

    def _renewed(self, held: Tokens) -> Tokens:
        """Return a fresh pair, asked for by one worker at a time and saved before it is used."""
        pk = self._connection.pk
        with in_turn("shopify.renew", pk or 0):
            saved = StoreConnection.objects.filter(pk=pk).values_list("token", flat=True).first()
            now = tokens.taken(saved.get_secret_value()) if saved is not None else held
            if now.access != held.access:  # another worker was quicker
                self._connection.token = SecretStr(now.kept())
                return now
            fresh = _exchange(self.address, {"grant_type": "refresh_token", "refresh_token": held.refresh})[0]
            self._connection.token = SecretStr(fresh.kept())
            StoreConnection.objects.filter(pk=pk).update(token=self._connection.token)
            return fresh


def tokens_for_code(address: str, code: str) -> tuple[Tokens, str]:
    """Return expiring tokens for the code of the grant, and the scopes that were granted."""
    return _exchange(address, {"code": code, "expiring": "1"})


def _exchange(address: str, asked: dict[str, str]) -> tuple[Tokens, str]:
    app = {
        "client_id": settings.SHOPIFY_CLIENT_ID,
        "client_secret": next((one.get_secret_value() for one in settings.SHOPIFY_CLIENT_SECRETS), ""),
    }
    answer = calls.call(
        STORE,
        "POST",
        f"{root_of(address)}/admin/oauth/access_token",
        budgets=[budget_of(address)],
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body={**app, **asked},
        read_s=READ_S,
    )
    if answer.status in (400, 401, 403):
        raise StoreRefused("Shopify does not take our permission any more. Please connect the store again.")
    if answer.status != 200:
        raise StorePassing(f"Shopify answered {answer.status} when asked for a token.", maybe_done=True)
    return tokens.read(calls.json_of(STORE, answer), clock.now())


def _error(body: dict[str, Any], budget: Budget, wait_s: float) -> StorePassing:
    """Return what an answer without data means; too few points hold all calls of the budget."""
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = (first.get("extensions") or {}).get("code")
    if code == "THROTTLED":
        calls.hold(budget, wait := max(1.0, wait_s))
        return StorePassing("Shopify asks us to wait.", retry_after=wait)
    words = f"Shopify could not answer: {str(first.get('message', errors))[:200]}"
    return TooCostly(words) if code == "MAX_COST_EXCEEDED" else StorePassing(words)


def _refilled_s(body: dict[str, Any], *, leaves: float) -> float:
    """Return the seconds until the same call can be made so that this part of the store's points is left; 0.0: now."""
    cost = (body.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    asked, most = float(cost.get("requestedQueryCost") or 0), float(status.get("maximumAvailable") or 0)
    wanted = max(asked, min(asked + leaves * most, most))
    return max(0.0, wanted - float(status.get("currentlyAvailable") or 0)) / float(status.get("restoreRate") or 50)
