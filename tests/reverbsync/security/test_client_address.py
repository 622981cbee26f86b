"""Behind proxies the limits of sign-in see people, not the proxy, and nobody locks anybody else out."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from reverbsync.security.client_address import person
from tests.people import nora, olivia

PROXY, HOME, CAFE, THIEF = "10.0.0.1", "203.0.113.7", "198.51.100.4", "192.0.2.66"
LOCKED = b"Too many failed login attempts"


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """Forget what was tried before."""
    cache.clear()


@pytest.fixture
def behind_one(settings: Settings) -> None:
    """Stand behind one proxy."""
    settings.TRUSTED_PROXY_COUNT = 1


def sign_in(address: str, *, who: str = "olivia", password: str = "wrong", said: str = "") -> bytes:
    """Try to sign in from an address, through the proxy; `said` is what the caller put into the header. b"" is in."""
    words = {"login": f"{who}@example.com", "password": password}
    forwarded = f"{said}, {address}" if said else address
    page = Client().post("/accounts/login/", words, REMOTE_ADDR=PROXY, headers={"X-Forwarded-For": forwarded})
    return b"" if page.status_code == 302 else page.content


@pytest.mark.django_db
def test_wrong_passwords_from_one_address_lock_nobody_else_out(behind_one: None) -> None:
    olivia(), nora()
    for number in range(12):
        sign_in(THIEF, who=f"guess{number}")
    assert sign_in(THIEF, who="nora", password="noras-password")
    assert sign_in(HOME, password="olivias-password") == b""


@pytest.mark.django_db
def test_an_account_that_somebody_guesses_at_is_locked_for_them_and_open_to_its_owner(behind_one: None) -> None:
    olivia()
    for _ in range(6):
        page = sign_in(THIEF)
    assert LOCKED in page
    assert LOCKED in sign_in(THIEF, password="olivias-password")
    assert sign_in(HOME, password="olivias-password") == b""


@pytest.mark.django_db
def test_an_owner_who_mistyped_too_often_signs_in_from_somewhere_else(behind_one: None) -> None:
    olivia()
    for _ in range(6):
        sign_in(HOME)
    assert LOCKED in sign_in(HOME, password="olivias-password")
    assert sign_in(CAFE, password="olivias-password") == b""


@pytest.mark.django_db
@pytest.mark.parametrize("said", ["{}.{}.{}.{}", "{}.{}.{}.{}, 10.9.9.{}", "garbage {}"])
def test_an_address_that_the_caller_invents_does_not_help(behind_one: None, said: str) -> None:
    olivia()
    for number in range(6):
        page = sign_in(THIEF, said=said.format(number, number, number, number, number))
    assert LOCKED in page


@pytest.mark.django_db
def test_without_proxies_of_ours_the_header_is_the_callers_own_invention() -> None:
    olivia()
    for number in range(6):
        page = sign_in(f"203.0.113.{number}")
    assert LOCKED in page


@pytest.mark.parametrize(
    ("forwarded", "proxies", "found"),
    [
        ("203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", 1, "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.2", 2, "203.0.113.7"),
        ("203.0.113.7:4711", 1, "203.0.113.7"),
        ("[2001:db8::1]:4711", 1, "2001:db8::1"),
        ("2001:DB8:0::1", 1, "2001:db8::1"),
        ("203.0.113.7", 2, ""),
        ("203.0.113.7", 0, ""),
        ("", 1, ""),
        ("unknown", 1, ""),
        ("203.0.113.7, ", 1, ""),
        ("\u0661.1.1.1", 1, ""),
        ("1" * 100_000, 1, ""),
    ],
)
def test_the_person_is_who_called_the_outermost_of_our_proxies(forwarded: str, proxies: int, found: str) -> None:
    assert person(forwarded, proxies=proxies) == found
