"""HTTP to one Shopify store: GraphQL within its cost limits, token renewal, and errors.

Facts: shopify.dev "Rate limits" (points, THROTTLED with status 200), "Response status codes" (402 frozen shop, 423
locked, 430 rejected as unsafe; `{"errors": "…"}`), "Offline access tokens". A mutation that is answered with `errors`
may have been applied: the error may come from reading the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.locks import blocking_lock
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.limiter import Budget
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.answers import Caller, Verdict, judge
from shops.platforms.shopify import queries, tokens
from shops.platforms.shopify.tokens import Tokens
from shops.platforms.values import StoreAuthError, StoreError, TooLarge, TransientStoreError, Unsupported

STORE = "Shopify"
#: Far above the cost limits, which set the real rate.
CALLS_PER_MINUTE = 1200
READ_S = 20.0
#: Share of a store's points that a crawl leaves to urgent calls, such as stock and orders.
CRAWL_LEAVES = 0.5
#: Fields that hold a product's photos.
PHOTOS = frozenset({"media", "image"})
#: Shopify's own sentence mentions logins and passwords, which we do not use.
KEYS_ENDED = "Our access token is no longer accepted. Connect the store again."


class TooCostly(TooLarge):
    """The query exceeds the cost limit of a single query; a smaller page costs less."""


def root_of(address: str) -> str:
    """Return the base URL of a store: its own, or the stand-in's."""
    return settings.SHOPIFY_ADMIN_URL or f"https://{address}"


def budget_of(address: str) -> Budget:
    """Return the store's budget."""
    return Budget(f"shopify:{address}", CALLS_PER_MINUTE)


def crawl_budget_of(address: str) -> Budget:
    """Return the additional budget of the store's crawls, which is held while too few points are left."""
    return Budget(f"shopify:{address}:crawl", CALLS_PER_MINUTE)


class GraphQL(Caller):
    """Calls one store and renews the connection's token."""

    store = STORE

    def __init__(self, connection: StoreConnection) -> None:
        """An unsaved connection can make calls, but its token cannot be renewed."""
        self._connection = connection
        self.address = connection.address
        self.budget = budget_of(self.address)
        self._budgets = [self.budget]

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
        wait_s = _refilled_s(body, leaves=leaves)
        errors = body.get("errors") if isinstance(body, dict) else None
        data = body.get("data") if isinstance(body, dict) else None
        if errors and not write:
            errors = [error for error in _rows(errors) if not _of_photos(error, data)]
        odd: dict[int, StoreError] = {}
        # A throttled answer has status 200, `errors` and no `data`; as "not found" it would end listings.
        if errors or not isinstance(data, dict):
            odd = _odd_rows(data, errors)
            if not odd:
                raise self._judged(data, _rows(errors), write=write, wait_s=wait_s)
        if leaves and wait_s:
            calls.hold(budgets[-1], wait_s)
        return data or {}, odd

    def _judged(self, data: Any, errors: list[dict[str, Any]], *, write: bool, wait_s: float) -> StoreError:
        codes = {_code(error) for error in errors}
        words = f"Shopify could not answer: {_words(errors)}"
        applied = write and isinstance(data, dict) and any(value is not None for value in data.values())
        if "THROTTLED" in codes:
            calls.hold(self._budgets[-1], wait := max(1.0, wait_s))
            return TransientStoreError("Shopify asks us to wait.", retry_after=wait, may_have_applied=applied)
        if "MAX_COST_EXCEEDED" in codes and not applied:
            return TooCostly(words)
        if codes == {"ACCESS_DENIED"} and not applied and all(len(_path(error)) < 2 for error in errors):
            return Unsupported(f"Shopify: {_words(errors)}")
        return TransientStoreError(words, may_have_applied=write)

    # -- HTTP ----------------------------------------------------------------------------------------------------

    def send(self, method: str, path: str, body: object) -> Answer:
        """Make one call; if Shopify rejects an expiring token, renew it and retry once."""
        current = self._tokens()
        answer = self._post(current, path, body)
        if current.refresh and judge(answer, self)[0] == Verdict.KEYS:
            # Another worker may have renewed it, or it expired early.
            answer = self._post(self._renewed(current), path, body)
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

    def own_words(self, status: int, said: Any) -> Verdict | None:
        """Interpret `{"errors": "…"}`: a dead token, a retired kind of token, or a missing scope."""
        words = str(said.get("errors")).lower() if isinstance(said, dict) else ""
        if status == 401 and "access token" in words:
            return Verdict.KEYS
        if status == 403 and "access tokens are no longer accepted" in words:
            return Verdict.KEYS
        return Verdict.REFUSED if status == 403 and "scope" in words else None

    def probe(self) -> Answer:
        """Read the store's name."""
        return self.send("POST", "/graphql.json", {"query": queries.SHOP})

    def words(self, said: Any) -> str:
        """Return the error's message."""
        found = _words(_rows(said.get("errors"))) if isinstance(said, dict) and said.get("errors") else ""
        if found == "Not Found":
            return "it found no store at this address."
        return KEYS_ENDED if "invalid api key or access token" in found.lower() else found

    # -- tokens ------------------------------------------------------------------------------------------------

    def _tokens(self) -> Tokens:
        current = tokens.from_json(self._connection.token.get_secret_value())
        return self._renewed(current) if current.must_renew(clock.now()) else current

    def _renewed(self, current: Tokens) -> Tokens:
        """Return a renewed pair; one worker at a time requests it, and saves it before it is used."""
        pk = self._connection.pk
        with blocking_lock("shopify.renew", pk or 0):
            saved = StoreConnection.objects.filter(pk=pk).values_list("token", flat=True).first()
            now = tokens.from_json(saved.get_secret_value()) if saved is not None else current
            if now.access != current.access:  # another worker was faster
                self._connection.token = SecretStr(now.to_json())
                return now
            form = {"grant_type": "refresh_token", "refresh_token": current.refresh}
            try:
                fresh = _exchange(self.address, form)[0]
            except StoreAuthError:  # one bad answer proves nothing
                fresh = _exchange(self.address, form)[0]
            self._connection.token = SecretStr(fresh.to_json())
            StoreConnection.objects.filter(pk=pk).update(token=self._connection.token)
            return fresh


def tokens_for_code(address: str, code: str) -> tuple[Tokens, str]:
    """Exchange an authorization code; return expiring tokens and the granted scopes."""
    return _exchange(address, {"code": code, "expiring": "1"})


def _exchange(address: str, form: dict[str, str]) -> tuple[Tokens, str]:
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
        body={**app, **form},
        read_s=READ_S,
    )
    if answer.status in (400, 401, 403) and _is_oauth_error(answer):
        raise StoreAuthError("Shopify does not take our permission any more. Please connect the store again.")
    if answer.status != 200:
        raise TransientStoreError(f"Shopify answered {answer.status} when asked for a token.", may_have_applied=True)
    return tokens.read(calls.json_of(STORE, answer), clock.now())


def _is_oauth_error(answer: Answer) -> bool:
    """Return whether an answer is the token endpoint's own error, such as `{"error": "invalid_grant"}`."""
    try:
        said = answer.json()
    except ValueError:
        return False
    return isinstance(said, dict) and str(said.get("error", "")).startswith(("invalid_", "unauthorized_", "access_"))


# -- errors --------------------------------------------------------------------------------------------------------


def _rows(errors: Any) -> list[dict[str, Any]]:
    """Return the errors as a list; Shopify's REST-like ones are a string or an object."""
    rows = errors if isinstance(errors, list) else [errors]
    return [row if isinstance(row, dict) else {"message": str(row)} for row in rows if row]


def _code(error: dict[str, Any]) -> str:
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, dict) else ""


def _path(error: dict[str, Any]) -> Sequence[Any]:
    path = error.get("path")
    return path if isinstance(path, list) else ()


def _words(errors: list[dict[str, Any]]) -> str:
    return "; ".join(dict.fromkeys(str(error.get("message") or error)[:200] for error in errors))[:300] or "no data"


def _of_photos(error: dict[str, Any], data: Any) -> bool:
    """Return whether an error concerns only a product's photos, so that price and stock are complete."""
    at = data
    for step in _path(error):
        if step in PHOTOS:
            return isinstance(at, dict)
        if isinstance(at, dict):
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int) and 0 <= step < len(at):
            at = at[step]
        else:
            return False
    return False


def _odd_rows(data: Any, errors: Any) -> dict[int, StoreError]:
    """Return the errors by row number of `products`; empty if any error concerns more than one row."""
    found: dict[int, StoreError] = {}
    for error in _rows(errors):
        match _path(error):
            case ["products", "nodes", int(number), *_] if isinstance(data, dict) and data.get("products"):
                found[number] = TransientStoreError(f"Shopify could not show it: {_words([error])}")
            case _:
                return {}
    return found


def _refilled_s(body: Any, *, leaves: float) -> float:
    """Return the seconds until the call leaves this share of the store's points; 0.0 if it can be made now."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        requested, most = float(cost["requestedQueryCost"] or 0), float(status["maximumAvailable"])
        left, restored = float(status["currentlyAvailable"]), float(status["restoreRate"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0.0
    wanted = max(requested, min(requested + leaves * most, most))
    return min(900.0, max(0.0, wanted - left) / max(1.0, restored))
