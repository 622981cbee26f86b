"""Secrets: encrypted at rest, hidden everywhere else."""

from __future__ import annotations

import logging

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from pytest_django.fixtures import Settings

from reverbsync.security import encrypted_field
from reverbsync.security.redaction import RedactingFormatter, redact
from shops.models import ReverbConnection, Shop
from shops.platforms.errors import TransientStoreError

TOKEN = "a-very-secret-reverb-token"


@pytest.mark.django_db
def test_a_token_is_not_readable_in_the_database() -> None:
    shop = Shop.objects.create(name="Shop")
    ReverbConnection.objects.create(shop=shop, token=TOKEN)
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM shops_reverbconnection")
        [[stored]] = cursor.fetchall()
    assert TOKEN not in stored
    assert ReverbConnection.objects.get().token.get_secret_value() == TOKEN


@pytest.mark.django_db
def test_a_token_does_not_show_when_its_connection_is_printed() -> None:
    shop = Shop.objects.create(name="Shop")
    ReverbConnection.objects.create(shop=shop, token=TOKEN)
    assert TOKEN not in repr(ReverbConnection.objects.get().__dict__)


def test_keys_can_be_rotated(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    stored = encrypted_field.encrypt(TOKEN)
    settings.ENCRYPTION_KEYS = [new, old]
    assert encrypted_field.decrypt(stored) == TOKEN
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(encrypted_field.Unreadable):
        encrypted_field.decrypt(stored)


@pytest.mark.parametrize(
    "line",
    [
        f"Authorization: Bearer {TOKEN}",
        f"X-Shopify-Access-Token: {TOKEN}",
        f"{{'token': '{TOKEN}'}}",
        f"postgresql://user:{TOKEN}@host/db",
        f"password={TOKEN}",
    ],
)
def test_secrets_are_taken_out_of_log_lines(line: str) -> None:
    assert TOKEN not in redact(line)


@pytest.mark.parametrize(
    "secret",
    ["ck_" + "0a" * 20, "cs_" + "0a" * 20, "rs_" + "0a" * 20, "whsec_" + "aB+/" * 10 + "=", "shpat_" + "0a" * 16],
)
def test_keys_that_a_store_repeats_are_taken_out_of_its_words(secret: str) -> None:
    words = f"WooCommerce: Bad request /wp-json/wc/v3/orders?consumer_key={secret}, {secret} is not allowed."
    assert secret not in str(TransientStoreError(words))
    assert "is not allowed." in str(TransientStoreError(words))


def test_an_address_with_a_port_is_left_whole() -> None:
    line = "In your store: order 7 https://shop.example:8443/admin/orders/7, mail a@shop.example"
    assert redact(line) == line


def test_secrets_are_taken_out_of_tracebacks() -> None:
    error = ValueError(f"Bearer {TOKEN}")
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "it broke", None, (ValueError, error, None))
    shown = RedactingFormatter("%(message)s").format(record)
    assert "it broke" in shown
    assert TOKEN not in shown
