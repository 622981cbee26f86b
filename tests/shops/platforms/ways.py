"""A shop that wants to be connected, its store's stand-in, and a seller's browser between them."""

from __future__ import annotations

import html
import re
from typing import Any

import requests
from django.test import Client
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from sandbox.stack.stores import STORES
from shops import lifecycle
from shops.models import Person, Shop, StoreConnection
from shops.platforms import client_of
from shops.platforms.bigcommerce.connect import SCOPES
from tests.journeys.world import StandIn as Control
from tests.people import olivia


class Browser(requests.Session):
    """A browser in which a person is signed in here; it follows redirects to anywhere."""

    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = home

    def request(self, *args: Any, **more: Any) -> requests.Response:
        """Call, and hang up: our server's thread, and its line to the database, end with the call."""
        try:
            return super().request(*args, **more)
        finally:
            self.close()

    def see(self, path: str) -> str:
        """Return one of our pages."""
        return self.get(self.home + path, timeout=20).text

    def press(self, path: str, *, follow: bool = True, **form: str) -> requests.Response:
        """Send a form of ours."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.see("/shops/new/"))
        assert token is not None
        said = {"csrfmiddlewaretoken": token[1], **form}
        headers = {"Referer": self.home + path}
        return self.post(self.home + path, data=said, headers=headers, allow_redirects=follow, timeout=20)

    def leave(self, path: str, **form: str) -> str:
        """Send a form of ours; returns the address that its page leads on to."""
        found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', self.press(path, follow=True, **form).text)
        assert found is not None
        return html.unescape(found[1])


class Way:
    """A shop that wants to be connected to one stand-in."""

    def __init__(self, kind: str, control: Control, home: str) -> None:
        self.stand_in, self.control, self.home = STORES[kind], control, home
        self.address = self.stand_in.address(control.url)
        self.shop: Shop = lifecycle.create_shop(olivia(), "Guitars")
        control.ask("POST", "/reset")
        keys = {"token": self.stand_in.token("x"), "secret": self.stand_in.secret("x")}
        control.ask("POST", "/shops", {"domain": self.stand_in.domain, **keys})

    @property
    def begin(self) -> str:
        """The path of the button."""
        return f"/shops/{self.shop.pk}/store/with/{self.stand_in.kind}/begin/"

    def register(self, app: dict[str, Any]) -> None:
        """Give the operator an app at the platform."""
        self.control.ask("POST", "/app", {"scope": " ".join(SCOPES), **app})

    def connected(self) -> StoreConnection:
        """Return the connection, whose keys open the store."""
        made = StoreConnection.objects.get()
        assert made.shop_id == self.shop.pk
        client_of(made).check()
        return made


def way(kind: str, processes: dict[str, Control], home: str, settings: Settings) -> Way:
    """Return a shop and an empty store of a kind."""
    control = processes[STORES[kind].module]
    for name, value in STORES[kind].environment(control.url).items():
        setattr(settings, name, [value] if name == "ALLOWED_PRIVATE_HOSTS" else value)
    made = Way(kind, control, home)
    _register_app(made, settings)
    return made


def _register_app(way: Way, settings: Settings) -> None:
    """Give the operator an app where the platform wants one."""
    match way.stand_in.kind:
        case "shopify":
            settings.SHOPIFY_CLIENT_ID, settings.SHOPIFY_CLIENT_SECRETS = "our-app", [SecretStr("hush")]
            way.register({"client_id": "our-app", "client_secret": "hush"})
        case "bigcommerce":
            secret = "hush" * 10
            settings.BIGCOMMERCE_CLIENT_ID, settings.BIGCOMMERCE_CLIENT_SECRET = "our-app", SecretStr(secret)
            way.register({"client_id": "our-app", "client_secret": secret})


def browser(person: Person | None, home: str) -> Browser:
    """Return a browser."""
    made = Browser(home)
    if person is not None:
        client = Client()
        client.force_login(person)
        made.cookies.set("sessionid", client.cookies["sessionid"].value)
    return made
