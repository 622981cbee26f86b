"""HTTP to one Shopify store: GraphQL within its cost limits, and errors.

Facts: shopify.dev "Rate limits" (points, THROTTLED with status 200), "Response status codes" (402 frozen shop, 423
locked, 430 rejected as unsafe; `{"errors": "…"}`), "Offline access tokens". A mutation that is answered with `errors`
may have been applied: the error may come from reading the result.
"""

from __future__ import annotations

from typing import Any

from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, CallOutcome, judge
from shops.platforms.errors import StoreError, TooLarge, TransientStoreError, Unsupported
from shops.platforms.shopify import queries
from shops.platforms.shopify.endpoint import READ_S, STORE, budget_of, crawl_budget_of, root_of
from shops.platforms.shopify.graphql_errors import (
    code_of,
    concerns_photos,
    error_rows,
    odd_rows,
    path_of,
    refilled_s,
    words_of,
)
from shops.platforms.shopify.token_keeper import TokenKeeper
from shops.platforms.shopify.tokens import Tokens

#: Share of a store's points that a crawl leaves to urgent calls, such as stock and orders.
CRAWL_LEAVES = 0.5
#: Shopify's own sentence mentions logins and passwords, which we do not use.
KEYS_ENDED = "Our access token is no longer accepted. Connect the store again."


class TooCostly(TooLarge):
    """The query exceeds the cost limit of a single query; a smaller page costs less."""


class GraphQL(Caller):
    """Calls one store."""

    store = STORE

    def __init__(self, connection: StoreConnection) -> None:
        """An unsaved connection can make calls, but its token cannot be renewed."""
        self._tokens = TokenKeeper(connection)
        self.address = connection.address
        self.budget = budget_of(self.address)
        self._budgets = [self.budget]

    @property
    def tokens(self) -> Tokens:
        """The connection's tokens as they are now."""
        return self._tokens.saved()

    def ask(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """Return `data` of an answer without errors.

        Raise TransientStoreError, Unsupported or StoreAuthError; `may_have_applied`: a mutation's outcome is unknown.
        """
        data, odd = self._execute(query, variables, [self.budget], leaves=0.0)
        if odd:
            raise next(iter(odd.values()))
        return data

    def ask_for_page(self, query: str, /, **variables: Any) -> tuple[dict[str, Any], dict[int, StoreError]]:
        """Call like `ask` for a page of a crawl, and wait until the store has points left for urgent calls.

        Errors that concern single rows of `products` are returned with the data, by row number.
        """
        budgets = [self.budget, crawl_budget_of(self.address)]
        return self._execute(query, variables, budgets, leaves=CRAWL_LEAVES)

    def _execute(
        self, query: str, variables: dict[str, Any], budgets: list[Budget], *, leaves: float
    ) -> tuple[dict[str, Any], dict[int, StoreError]]:
        write, self._budgets = query.lstrip().startswith("mutation"), budgets
        try:
            body = self.json("POST", "/graphql.json", {"query": query, "variables": variables})
        except StoreError as error:
            error.may_have_applied = error.may_have_applied and write
            raise
        wait_s = refilled_s(body, leaves=leaves)
        errors = body.get("errors") if isinstance(body, dict) else None
        data = body.get("data") if isinstance(body, dict) else None
        if errors and not write:
            errors = [error for error in error_rows(errors) if not concerns_photos(error, data)]
        odd: dict[int, StoreError] = {}
        # A throttled answer has status 200, `errors` and no `data`; as "not found" it would end listings.
        if errors or not isinstance(data, dict):
            odd = odd_rows(data, errors)
            if not odd:
                raise self._judged(data, error_rows(errors), write=write, wait_s=wait_s)
        if leaves and wait_s:
            calls.hold(budgets[-1], wait_s)
        return data or {}, odd

    def _judged(self, data: Any, errors: list[dict[str, Any]], *, write: bool, wait_s: float) -> StoreError:
        codes = {code_of(error) for error in errors}
        words = f"Shopify could not answer: {words_of(errors)}"
        applied = write and isinstance(data, dict) and any(value is not None for value in data.values())
        if "THROTTLED" in codes:
            calls.hold(self._budgets[-1], wait := max(1.0, wait_s))
            return TransientStoreError("Shopify asks us to wait.", retry_after=wait, may_have_applied=applied)
        if "MAX_COST_EXCEEDED" in codes and not applied:
            return TooCostly(words)
        if codes == {"ACCESS_DENIED"} and not applied and all(len(path_of(error)) < 2 for error in errors):
            return Unsupported(f"Shopify: {words_of(errors)}")
        return TransientStoreError(words, may_have_applied=write)

    # -- HTTP ----------------------------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call; if Shopify rejects an expiring token, renew it and retry once."""
        current = self._tokens.now()
        answer = self._post(current, path, body)
        if current.can_renew and judge(answer, self)[0] == CallOutcome.KEYS:
            # Another worker may have renewed it, or it ended early.
            answer = self._post(self._tokens.after(current), path, body)
        return answer

    def _post(self, current: Tokens, path: str, body: object) -> Answer:
        return calls.call(
            STORE,
            "POST",
            f"{root_of(self.address)}/admin/api/{queries.VERSION}{path}",
            budgets=self._budgets,
            headers={"Content-Type": "application/json", "X-Shopify-Access-Token": current.access},
            body=body,
            read_s=READ_S,
        )

    def own_words(self, status: int, said: Any) -> CallOutcome | None:
        """Interpret `{"errors": "…"}`: a dead token, a retired kind of token, or a missing scope."""
        words = str(said.get("errors")).lower() if isinstance(said, dict) else ""
        if status == 401 and "access token" in words:
            return CallOutcome.KEYS
        if status == 403 and "access tokens are no longer accepted" in words:
            return CallOutcome.KEYS
        return CallOutcome.REFUSED if status == 403 and "scope" in words else None

    def probe(self) -> Answer:
        """Read the store's name."""
        return self.send("POST", "/graphql.json", {"query": queries.SHOP})

    def words(self, said: Any) -> str:
        """Return the error's message."""
        found = words_of(error_rows(said.get("errors"))) if isinstance(said, dict) and said.get("errors") else ""
        if found == "Not Found":
            return "it found no store at this address."
        return KEYS_ENDED if "invalid api key or access token" in found.lower() else found
