"""The stand-in stores of the demo: where each one's program is, and what is said to it and to the app."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class StandIn:
    """One stand-in. `seed` makes its keys: the same for the same seed, so that a second start finds them again."""

    kind: str
    module: str
    #: Id of the store inside the stand-in.
    domain: str
    #: The stand-in's own address → what the app calls the store.
    address: Callable[[str], str]
    token: Callable[[str], str]
    secret: Callable[[str], str]
    #: The stand-in's own address → what the app's environment must say.
    environment: Callable[[str], dict[str, str]]
    #: The store gives a SKU of its own to what has none.
    always_sku: bool = False
    #: The store cannot be asked for its catalogue; it is given the address to send it to.
    pushes: bool = False
    #: The store sends nothing by itself; it must be looked at.
    silent: bool = False


def _named(part: str, *, size: int = 40) -> Callable[[str], str]:
    return lambda seed: hashlib.sha256(f"{part} {seed}".encode()).hexdigest()[:size]


def _joined(*parts: str) -> Callable[[str], str]:
    return lambda seed: ":".join(f"{part}{_named(part)(seed)}" for part in parts)


def _private(url: str) -> dict[str, str]:
    return {"ALLOWED_PRIVATE_HOSTS": urlsplit(url).netloc}


def _whsec(seed: str) -> str:
    return "whsec_" + base64.b64encode(hashlib.sha256(f"secret {seed}".encode()).digest()).decode()


STORES = {
    one.kind: one
    for one in (
        StandIn(
            "shopify",
            "sandbox.shopify.app",
            "demo-guitars.myshopify.com",
            lambda _: "demo-guitars.myshopify.com",
            _named("shpat"),
            _named("shpss"),
            lambda url: {"SHOPIFY_ADMIN_URL": url},
        ),
        StandIn(
            "bigcommerce",
            "sandbox.bigcommerce.app",
            "demoguitars1",
            lambda _: "demoguitars1",
            _named("token"),
            _named("client"),
            lambda url: {"BIGCOMMERCE_API_URL": url, "BIGCOMMERCE_LOGIN_URL": url},
        ),
        StandIn(
            "magento2",
            "sandbox.magento2.app",
            "demo-guitars.magento",
            lambda url: url,
            _joined("ck", "cs", "at", "ats"),
            lambda _: "",
            _private,
            always_sku=True,
            silent=True,
        ),
        StandIn(
            "woocommerce",
            "sandbox.woocommerce.app",
            "demo-guitars.example.com",
            lambda url: url,
            _joined("ck_", "cs_"),
            _named("hooks"),
            _private,
        ),
        StandIn(
            "custom",
            "sandbox.custom.app",
            "demo-guitars",
            lambda url: f"{url}/reverbsync",
            _named("rs"),
            _whsec,
            _private,
            pushes=True,
        ),
    )
}
