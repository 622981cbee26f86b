"""`manage.py secrets rotate`: encrypt every stored secret with the first of ENCRYPTION_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from shops.models import FormerStore, PendingConnection, ReverbConnection, ShipStation, StoreConnection


class Command(BaseCommand):
    """Rotate keys (SECURITY.md lists the steps)."""

    help = "Encrypt every stored secret with the first of ENCRYPTION_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommand: rotate."""
        parser.add_subparsers(dest="word", required=True).add_parser("rotate")

    def handle(self, **_: Any) -> None:
        """Load and save each connection: loading accepts any key, saving uses the first."""
        count = 0
        for store_id in StoreConnection.objects.values_list("pk", flat=True).iterator():
            with transaction.atomic():
                store = StoreConnection.objects.select_for_update().get(pk=store_id)
                store.save(update_fields=["token", "secret"])
            count += 1
        for former_id in FormerStore.objects.values_list("pk", flat=True).iterator():
            with transaction.atomic():
                former = FormerStore.objects.select_for_update().get(pk=former_id)
                former.save(update_fields=["token", "secret"])
            count += 1
        for reverb_id in ReverbConnection.objects.values_list("pk", flat=True).iterator():
            with transaction.atomic():
                reverb = ReverbConnection.objects.select_for_update().get(pk=reverb_id)
                reverb.save(update_fields=["token"])
            count += 1
        for shipstation_id in ShipStation.objects.values_list("pk", flat=True).iterator():
            with transaction.atomic():
                shipstation = ShipStation.objects.select_for_update().get(pk=shipstation_id)
                shipstation.save(update_fields=["password", "api_key", "api_secret"])
            count += 1
        for pending_id in PendingConnection.objects.exclude(kept="").values_list("pk", flat=True).iterator():
            with transaction.atomic():
                pending = PendingConnection.objects.select_for_update().get(pk=pending_id)
                pending.save(update_fields=["kept"])
            count += 1
        print(f"{count} connections are encrypted with the first key.")
