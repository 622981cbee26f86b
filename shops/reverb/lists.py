"""The lists that a listing refers to: categories, conditions, shipping profiles. Value objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

#: Conditions that can hold several units (docs; B-Stock and Mint with inventory for approved accounts only).
HOLD_SEVERAL = frozenset(
    {
        "7c3f45de-2ae0-4c81-8400-fdb6b1d74890",
        "9225283f-60c2-4413-ad18-1f5eba7a856f",
        "6db7df88-293b-4017-a1c1-cdb5e599fa1a",
    }
)
#: Default carriers of a shipped order (docs: POST /my/orders/selling/{id}/ship), if no newer list is known.
PROVIDERS = (
    "UPS",
    "USPS",
    "FedEx",
    "DHL Deutschland",
    "DHLExpress",
    "DHLGlobalMail",
    "DHL",
    "Canada Post",
    "CanPar",
    "Royal Mail",
    "PostNL",
    "Australia Post",
    "EMS",
    "La Poste - Colissimo",
    "China Post",
    "GLS",
    "Parcelforce",
    "Purolator",
    "Interlogistica",
    "Correos España",
    "Ukraine Post",
    "DPD Germany",
    "DPD UK",
    "DPD France",
    "Hermes",
    "TNT",
    "Other",
)
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"


@dataclass(frozen=True)
class Choice:
    """A row of a list: the id for the API, and the name for people."""

    id: str
    name: str
    #: False for a category that only groups others; Reverb refuses those on a listing.
    listable: bool = True


#: All conditions by name (docs: create listings). A shop's own list has only those that it may use.
CONDITIONS = (
    Choice("fbf35668-96a0-4baa-bcde-ab18d6b1b329", "Non Functioning"),
    Choice("6a9dfcad-600b-46c8-9e08-ce6e5057921e", "Poor"),
    Choice("98777886-76d0-44c8-865e-bb40e669e934", "Fair"),
    Choice("f7a3f48c-972a-44c6-b01a-0cd27488d3f6", "Good"),
    Choice("ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d", "Very Good"),
    Choice("df268ad1-c462-4ba6-b6db-e007e23922ea", "Excellent"),
    Choice("ac5b9c1e-dc78-466d-b0b3-7cf712967a48", "Mint"),
    Choice("6db7df88-293b-4017-a1c1-cdb5e599fa1a", "Mint (with inventory)"),
    Choice("9225283f-60c2-4413-ad18-1f5eba7a856f", "B-Stock"),
    Choice(BRAND_NEW, "Brand New"),
)


@dataclass(frozen=True)
class Lists:
    """The lists that a shop chooses from."""

    categories: tuple[Choice, ...] = ()
    conditions: tuple[Choice, ...] = ()
    shipping_profiles: tuple[Choice, ...] = ()

    @property
    def all(self) -> tuple[Choice, ...]:
        """Return the choices of all lists."""
        return (*self.categories, *self.conditions, *self.shipping_profiles)

    @cached_property
    def names(self) -> dict[str, str]:
        """Return the name of each id."""
        return {choice.id: choice.name for choice in self.all}
