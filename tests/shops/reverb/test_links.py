"""Reverb's links are followed on the configured host only, whatever they hold and wherever they lead."""

from __future__ import annotations

import pytest

from shops.reverb import links
from shops.snapshots import ReverbListing

ROOT = "https://api.reverb.com/api"


@pytest.mark.parametrize(
    ("link", "called"),
    [
        ("/listings/7-strat", "/listings/7-strat"),
        ("/api/listings/7-strat", "/listings/7-strat"),
        ("https://reverb.com/api/listings/7-strat", "/listings/7-strat"),
        ("listings/7", "/listings/7"),
        ("https://api.reverb.com/api/listings/7-höfner-500⁄1", "/listings/7-h%C3%B6fner-500%E2%81%841"),
        ("/listings/7-gibson les paul", "/listings/7-gibson%20les%20paul"),
        ("/listings/7-100%-wool", "/listings/7-100%25-wool"),
        ("/listings/7-h%C3%B6fner", "/listings/7-h%C3%B6fner"),
        ("/my/listings?sku=Höfner 1&state=all", "/my/listings?sku=H%C3%B6fner%201&state=all"),
        ("https://räuber.example/api/listings/7", "/listings/7"),
        ("http://user:pass@evil.test:81/api/listings/7", "/listings/7"),
        ("//evil.test/api/listings/7", "/listings/7"),
        ("/listings/7-\ud800", "/listings/7-%3F"),
        ("/listings/7\r\nHost: evil", "/listings/7Host:%20evil"),
        ("http://[oops/listings/7", "/"),
    ],
)
def test_only_path_and_query_are_used_and_encoded(link: str, called: str) -> None:
    found = links.address(ROOT, link)
    assert found == ROOT + called
    assert found.isascii()


def listing(self_url: str) -> ReverbListing:
    """Return listing 7 with a link of its own."""
    return ReverbListing(id="7", sku="A", state="live", self_url=self_url, web_url="")


@pytest.mark.parametrize(
    ("self_url", "written_to"),
    [
        ("https://api.reverb.com/api/listings/7-strat", "/api/listings/7-strat"),
        ("/listings/7", "/listings/7"),
        ("", "/listings/7"),
        ("/listings/8-another-one", "/listings/7"),
        ("/listings/-unsaved", "/listings/7"),
        ("https://evil.test/steal", "/listings/7"),
        ("/listings/7/../8", "/listings/7"),
    ],
)
def test_a_listing_is_written_to_by_its_own_link_or_its_id(self_url: str, written_to: str) -> None:
    assert links.of_listing(listing(self_url)) == written_to
