"""`manage.py mass`: its names, arguments and output are a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from listings.models import MassSync
from shops.models import ReverbConnection
from tests.journeys.mass import planned, seed, through, work
from tests.journeys.world import World

pytestmark = pytest.mark.live


def mass(world: World, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Run one word for the shop and return what it prints."""
    call_command("mass", *words, "--shop", str(world.shop.pk))
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_a_script_begins_looks_starts_and_waits(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    seed(world, 5, listed=3, out_of_step=1)
    begun = mass(world, capsys, "begin")
    assert begun == {"id": MassSync.objects.get().pk, "state": "fetching"}
    work(world)
    said = mass(world, capsys, "status")
    assert (said["state"], said["id"], said["note"]) == ("planned", begun["id"], "")
    assert {kind: n for kind, n in said["kinds"].items() if n} == {"create": 2, "update": 1, "nothing": 2}
    assert said["lines"] == {"open": 3, "queued": 0, "done": 0, "failed": 0}
    assert said["seconds_left"] > 0
    assert mass(world, capsys, "start")["state"] == "running"
    work(world)
    said = mass(world, capsys, "wait")
    assert (said["state"], said["lines"]["done"], said["seconds_left"]) == ("done", 3, 0)


def test_wait_gives_up_when_the_time_is_over(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    seed(world, 1, listed=0)
    mass(world, capsys, "begin")
    with pytest.raises(CommandError, match=r"Still under way after 0\.3 seconds"):
        mass(world, capsys, "wait", "--timeout", "0.3")


def test_another_one_too_soon_needs_to_be_insisted_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    seed(world, 1, listed=0)
    through(world)
    with pytest.raises(CommandError, match="--anyway"):
        mass(world, capsys, "begin")
    assert mass(world, capsys, "begin", "--anyway")["state"] == "fetching"


def test_what_cannot_be_done_is_said_in_a_sentence(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="No mass sync was ever begun"):
        mass(world, capsys, "status")
    with pytest.raises(CommandError, match="no such shop"):
        call_command("mass", "status", "--shop", "999999")
    seed(world, 1, listed=0)
    planned(world)
    mass(world, capsys, "start")
    with pytest.raises(CommandError, match="Nothing is planned"):
        mass(world, capsys, "start")
    MassSync.objects.all().delete()
    ReverbConnection.objects.all().delete()
    with pytest.raises(CommandError, match="Connect Reverb first"):
        mass(world, capsys, "begin")
