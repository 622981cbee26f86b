"""What Reverb says of the webhooks that are registered there."""

from __future__ import annotations

from pydantic import Field, ValidationError

from shops.reverb.errors import TransientError
from shops.schemas import Inner, Side, SideRows, Whole


class Link(Inner):
    """A HAL link."""

    href: Side[str] = ""


class Links(Inner):
    """The links of a row."""

    own: Side[Link] = Field(default_factory=Link, alias="self")
    web: Side[Link] = Field(default_factory=Link)


class _Registration(Inner):
    url: str
    topic: Side[str] = ""
    links: Side[Links] = Field(default_factory=Links, alias="_links")


class _Registrations(Whole):
    """The list was recorded as `registrations` on the sandbox in 2015; any other name would be a guess."""

    registrations: SideRows[_Registration] | None = None
    webhooks: SideRows[_Registration] | None = None


def registrations(body: object) -> list[tuple[str, str, str]]:
    """Return link, topic and address of each webhook; a row has no id, its link identifies it (recorded).

    Raise TransientError.
    """
    try:
        found = _Registrations.model_validate(body)
    except ValidationError:
        found = None
    if found is None or (found.registrations is None and found.webhooks is None):
        raise TransientError("Reverb's answer could not be read as a list of webhooks.")
    rows = [*(found.registrations or ()), *(found.webhooks or ())]
    return [(one.links.own.href, one.topic, one.url) for one in rows]
