"""The stand-in BigCommerce blocks a whole domain that fails too often."""

from __future__ import annotations

from sandbox.bigcommerce import hooks
from sandbox.common.clock import Clock
from sandbox.common.keep import Keep
from sandbox.common.store import Stores


def test_a_domain_below_nine_of_ten_is_not_called_for_some_minutes() -> None:
    domains = hooks.Domains(Stores(Keep(None, "bigcommerce"), Clock()))
    for number in range(hooks.ENOUGH):
        assert domains.blocked_s("https://a.test/hook") == 0
        domains.count("https://a.test/hook", arrived=number % 5 != 0)
    assert 0 < domains.blocked_s("https://a.test/another") <= hooks.BLOCKED_S
    assert domains.blocked_s("https://b.test/hook") == 0
