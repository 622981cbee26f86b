"""`manage.py shop`: create a working shop from a script, connect it, and list the shops."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction

from shops import lifecycle, reverb_connection, store_connection
from shops.models import Person, Shop, SyncSettings
from shops.platforms import PLATFORMS
from shops.platforms.errors import StoreAuthError
from shops.platforms.values import Keys

WORDS = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}


class Command(BaseCommand):
    """Create, connect and list shops."""

    help = "Create a shop with its connections, change its store, or list shops. Prints JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add three subcommands: create, connect and list."""
        words = parser.add_subparsers(dest="word", required=True)
        create = words.add_parser("create", help="create a working shop; prints its id and webhook addresses")
        create.add_argument("--owner", required=True, help="e-mail address; the account is created if there is none")
        create.add_argument("--password", help='of a new owner; without it they set one by "forgot password"')
        create.add_argument("--name", required=True)
        connect = words.add_parser("connect", help="connect a shop to another store, or with new keys")
        connect.add_argument("--shop", type=int, required=True, help="id of the shop")
        for one in (create, connect):
            one.add_argument("--platform", required=True, choices=sorted(PLATFORMS))
            one.add_argument("--store", required=True, help="the store's address")
            one.add_argument(
                "--store-token", help="with --store-secret; docs/platforms.md says what each platform takes"
            )
            one.add_argument("--store-secret")
            one.add_argument("--client-id", help="of a Shopify app of the seller's own, instead of a token")
            one.add_argument("--client-secret")
        create.add_argument("--reverb-token", required=True)
        create.add_argument(
            "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the shop; repeatable"
        )
        words.add_parser("list", help="print all shops")

    def handle(self, *, word: str, **options: Any) -> None:
        """Run the subcommand."""
        match word:
            case "create":
                print(json.dumps(self._create(options)))
            case "connect":
                print(json.dumps(self._connect(options)))
            case _:
                print(json.dumps([_summary(shop) for shop in _shops()]))

    def _connect(self, options: dict[str, Any]) -> dict[str, Any]:
        shop = Shop.objects.filter(pk=options["shop"]).first()
        if shop is None:
            raise CommandError("There is no such shop.")
        try:
            _store(shop, options, _try_store(options))
        except ValueError as error:
            raise CommandError(str(error)) from None
        return _summary(_shops().get(pk=shop.pk))

    def _create(self, options: dict[str, Any]) -> dict[str, Any]:
        changes = dict(_setting(text) for text in options["set"])
        try:
            problem = _try_store(options)
            with transaction.atomic():
                owner = _owner(options["owner"], options["password"])
                shop = lifecycle.create_shop(owner, options["name"])
                SyncSettings.objects.filter(shop=shop).update(**changes)
                _store(shop, options, problem)
                account = reverb_connection.connect_reverb(shop, options["reverb_token"])
                if account.problem is not None and (not account.usable or account.problem_id == "unreachable"):
                    raise CommandError(f"{account.problem.words} {account.problem.link}")
        except ValueError as error:
            raise CommandError(str(error)) from None
        return {**_summary(_shops().get(pk=shop.pk)), "reverb_problem": account.problem_id or None}


def _try_store(options: dict[str, Any]) -> str:
    """Call the store with the keys. Raise CommandError if it refuses them or does not answer.

    For a store that pushes, and so need not answer, return its error instead.
    """
    room = PLATFORMS[options["platform"]]
    keys = _keys(options)
    try:
        problem = store_connection.try_store(Shop(), platform=options["platform"], address=options["store"], keys=keys)
    except StoreAuthError as error:
        raise CommandError(f"{error} Nothing was connected.") from None
    if problem and not room.push_only:
        raise CommandError(f"{problem} Nothing was connected.")
    return problem


def _store(shop: Shop, options: dict[str, Any], problem: str) -> None:
    store_connection.connect_store(
        shop, platform=options["platform"], address=options["store"], keys=_keys(options), problem=problem
    )


def _keys(options: dict[str, Any]) -> Keys:
    """Return the store's keys. Raise CommandError unless they are a token and a secret, or an app's id and secret."""
    room = PLATFORMS[options["platform"]]
    pasted, app = (options["store_token"], options["store_secret"]), (options["client_id"], options["client_secret"])
    match [one is not None for one in (*pasted, *app)]:  # a Magento access token has an empty secret
        case [True, True, False, False]:
            return room.keys(*pasted)
        case [False, False, True, True]:
            return room.keys_of_app(*app)
    raise CommandError("Give --store-token and --store-secret, or --client-id and --client-secret.")


def _shops() -> models.QuerySet[Shop]:
    return Shop.objects.select_related("store", "reverb").order_by("pk")


def _summary(shop: Shop) -> dict[str, Any]:
    store, reverb = getattr(shop, "store", None), getattr(shop, "reverb", None)
    return {
        "id": shop.pk,
        "name": shop.name,
        "platform": store.platform if store else None,
        "store": store.address if store else None,
        "reverb": reverb.account if reverb else None,
        "webhooks": {
            name: one.webhook_address for name, one in {"store": store, "reverb": reverb}.items() if one is not None
        },
    }


def _owner(email: str, password: str | None) -> Person:
    found = Person.objects.filter(email__iexact=email).first()
    return found or Person.objects.create_user(email, password)


def _setting(text: str) -> tuple[str, Any]:
    """Parse NAME=VALUE. Raise CommandError with the known names."""
    name, _, value = text.partition("=")
    known = {f.name: f for f in SyncSettings._meta.get_fields() if f.name not in ("id", "shop")}
    if name not in known:
        raise CommandError(f"There is no setting {name!r}. There are: {', '.join(sorted(known))}.")
    field = known[name]
    if isinstance(field, models.BooleanField):
        if value.lower() not in WORDS:
            raise CommandError(f"{name} takes true or false, not {value!r}.")
        return name, WORDS[value.lower()]
    try:
        return name, field.clean(value, None)  # type: ignore[union-attr]  # the relations were left out above
    except ValidationError as error:
        raise CommandError(f"{name}: {' '.join(error.messages)}") from None
