"""Connect a Magento store: the four pasted credentials, or the handshake of an integration.

Facts: "OAuth-based authentication" of Magento's web API. The store's server posts the credentials to our callback URL,
a window in the seller's browser opens our identity URL, and within five minutes the credentials must be exchanged for a
token. The callback is unsigned: it must name the store that the seller typed on our page, and its credentials are
tested before they are used. Our state is part of both paths, so it does not matter how the store appends its
parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from shops.platforms import addresses, calls
from shops.platforms.errors import StoreAuthError, TransientStoreError
from shops.platforms.handshake import Declined, Grant, Keep, Pending, Sheet, Step, Visit
from shops.platforms.magento2 import signing
from shops.platforms.magento2.rest import STORE, budget_of
from shops.platforms.values import Field, Keys

RIGHTS = "Catalog, Inventory, Sales, Stores"
STEPS = (
    "In Magento, open System, Integrations, and add a new integration.",
    f"On its API tab choose at least {RIGHTS}; save it, press Activate, then Allow.",
    "Copy the four values that Magento shows into the form on this page.",
)
FIELDS = (
    Field("consumer_key", "Consumer key", required=False),
    Field("consumer_secret", "Consumer secret", required=False),
    Field("access_token", "Access token", "Alone only where your store takes access tokens as Bearer."),
    Field("access_secret", "Access token secret", required=False),
)
#: Host of Adobe Commerce as a Cloud Service, whose stores are below it.
CLOUD_SERVICE = "commerce.adobe.com"
KEPT = ("oauth_consumer_key", "oauth_consumer_secret", "store_base_url", "oauth_verifier")


def keys(*parts: str) -> Keys:
    """Return the keys from the four credentials, or a lone token. Raise ValueError with a sentence."""
    if len(parts) not in (1, 4) or not all(parts) or any(":" in part or " " in part for part in parts):
        raise ValueError("Paste all four values. The access token alone is enough where your store takes it as Bearer.")
    return Keys(":".join(parts), "")


def read_address(text: str) -> str:
    """Return a store's base URL. Raise ValueError with a sentence.

    Adobe Commerce as a Cloud Service has the same name but other sign-in and addresses (developer.adobe.com "Commerce
    as a Cloud Service": REST at `<region>.api.commerce.adobe.com/<tenant>`, tokens of Adobe's identity service).
    """
    address = addresses.read_web_address(text)
    host = urlsplit(address).hostname or ""
    if host == CLOUD_SERVICE or host.endswith(f".{CLOUD_SERVICE}"):
        raise ValueError(
            "That is Adobe Commerce as a Cloud Service, which signs calls otherwise than Magento and Adobe Commerce "
            "on their own servers or cloud infrastructure. It cannot be connected yet."
        )
    return address


class Integration:
    """The store's integration, which calls our two addresses when it is activated."""

    asks_address = True
    is_offered = True
    label = "Connect Magento"

    def begin(self, pending: Pending, base: str) -> Sheet:
        """Return what the seller enters in the store."""
        return Sheet(
            (
                "In Magento, open System, Integrations, and add a new integration. Any name will do.",
                "Enter the two addresses below.",
                f"On its API tab choose at least {RIGHTS}, and save.",
                "Press Activate, then Allow. A window comes up and brings you back here.",
            ),
            (
                ("Callback URL", f"{base}callback-{pending.state}/"),
                ("Identity link URL", f"{base}identity-{pending.state}/"),
            ),
        )

    def state_of(self, step: str, visit: Visit) -> str:
        """Return our state, which is part of the path."""
        return step.partition("-")[2]

    def by_server(self, step: str) -> bool:
        """Return whether the step is the callback, in which the store's server posts its credentials."""
        return step.startswith("callback-")

    def visit(self, step: str, visit: Visit, pending: Pending | None) -> Step:
        """Save what the store's server posts; exchange it for a token when the browser arrives."""
        word = step.partition("-")[0]
        if word not in ("callback", "identity") or pending is None:
            raise Declined("This connection was not begun here, or too long ago.")
        return _callback(visit, pending) if word == "callback" else _identity(visit, pending)


def _callback(visit: Visit, pending: Pending) -> Step:
    said = {name: visit.form.get(name, "") for name in KEPT}
    if visit.method != "POST" or not all(said.values()):
        raise Declined("The store sent no credentials.")
    if not addresses.within(said["store_base_url"], pending.address):
        raise Declined(addresses.another(pending.address, said["store_base_url"][:200]))
    return Keep(pending.state, said)


def _identity(visit: Visit, pending: Pending) -> Step:
    kept = pending.kept
    if not kept or visit.query.get("oauth_consumer_key") != kept["oauth_consumer_key"]:
        raise Declined("Your store has not sent its credentials yet. Please press Activate again.")
    address, token = exchange(pending.address, kept)
    back = visit.query.get("success_call_back", "")
    ours = addresses.within(back, address)
    return Grant(address, token, "", state=pending.state, then=back if ours else "")


def exchange(entered: str, kept: Mapping[str, str]) -> tuple[str, str]:
    """Exchange the posted credentials for a permanent token in two steps; return the store's address and the token.

    The entered address may lack the `index.php` or the path that the store uses. Raise StoreError.
    """
    consumer = f"{kept['oauth_consumer_key']}:{kept['oauth_consumer_secret']}"
    address, first = _first_token(_bases(entered, kept["store_base_url"]), f"{consumer}::")
    access = _token(address, "access", f"{consumer}:{first[0]}:{first[1]}", verifier=kept["oauth_verifier"])
    return address, keys(*consumer.split(":"), *access).token.get_secret_value()


def _bases(entered: str, named: str) -> list[str]:
    """Return the store's possible base URLs: as entered, then by the path that it uses, shorter ones first."""
    parts, path = urlsplit(entered), [part for part in urlsplit(named).path.split("/") if part]
    host = f"{parts.scheme}://{parts.netloc}"
    by_path = ["/".join([host, *path[:n]]) for n in range(1, len(path) + 1)]
    return list(dict.fromkeys([entered, *by_path]))


def _first_token(bases: list[str], token: str) -> tuple[str, tuple[str, str]]:
    """Return the first base URL that issues a token, and the token."""
    for base in bases[:-1]:
        with suppress(_Elsewhere):
            return base, _token(base, "request", token)
    return bases[-1], _token(bases[-1], "request", token)


class _Elsewhere(TransientStoreError):
    """This URL serves nothing."""


def _token(address: str, word: str, token: str, *, verifier: str = "") -> tuple[str, str]:
    url = f"{address}/oauth/token/{word}"
    headers = {**signing.headers(token, "POST", url, verifier=verifier), "Accept": "*/*"}
    answer = calls.call(STORE, "POST", url, budgets=[budget_of(address)], headers=headers)
    said = parse_qs(answer.text) if answer.status == 200 else {}
    found = (said.get("oauth_token", [""])[0], said.get("oauth_token_secret", [""])[0])
    if answer.status == 404 or 300 <= answer.status < 400:
        raise _Elsewhere(f"{STORE} does not answer at {url} ({answer.status}). Check the address.")
    if not all(found):
        raise StoreAuthError(f"{STORE} did not hand out a token ({answer.status}). Please press Activate again.")
    return found
