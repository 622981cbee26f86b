"""The form of the sync settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from shops.models import FIELDS, SyncSettings
from shops.models.settings import StockWay
from shops.plain_form import PlainForm
from shops.reverb.lists import Choice, Lists

#: Value of the choice that stops stock sync in both directions.
STOP = "stop"


class SettingsForm(PlainForm, forms.ModelForm):  # type: ignore[type-arg]
    """The sync settings. Choices come from Reverb's lists, so nothing must be typed."""

    class Meta:
        model = SyncSettings
        fields = [
            "auto_sync",
            "auto_publish",
            "create_listings",
            *(f"sync_{name}" for name in FIELDS if name != "stock"),
            "stock_buffer",
            "stock_maximum",
            "take_orders",
            "send_tracking",
            "notify_buyer",
            "default_condition",
            "default_category",
            "default_shipping_profile",
            "upc_does_not_apply",
            "default_handmade",
            "default_offers_enabled",
        ]

    def __init__(self, *args: Any, lists: Lists, **more: Any) -> None:
        """`lists` are the choices that Reverb offers this shop."""
        super().__init__(*args, **more)
        for name in self._switched:
            self.fields[f"sync_{name}"].label = FIELDS[name]
        for name in ("stock_buffer", "stock_maximum"):
            self.fields[name].required = False
        now = self.instance.stock_way if self.instance.sync_stock else STOP
        choices = [*StockWay.choices, (STOP, "Stop: neither side changes the other")]
        self.fields["stock"] = forms.ChoiceField(
            label="What leads", choices=choices, widget=forms.RadioSelect, required=False, initial=now
        )
        self._choose("default_condition", lists.conditions)
        self._choose("default_category", [choice for choice in lists.categories if choice.listable])
        self._choose("default_shipping_profile", lists.shipping_profiles)

    def _choose(self, name: str, choices: Sequence[Choice]) -> None:
        """Turn a field into a list; the current value stays a choice even while Reverb does not answer."""
        field = self.fields[name]
        now = str(getattr(self.instance, name))
        rows = [(choice.id, choice.name) for choice in choices]
        if now and now not in dict(rows):
            rows.insert(0, (now, "As chosen before"))
        self.fields[name] = forms.ChoiceField(
            label=field.label, help_text=field.help_text, required=False, choices=[("", "— none —"), *rows]
        )

    @property
    def switches(self) -> list[forms.BoundField]:
        """Return the three main switches."""
        return [self[name] for name in ("auto_sync", "auto_publish", "create_listings")]

    @property
    def field_switches(self) -> list[forms.BoundField]:
        """Return a switch for each synced field."""
        return [self[f"sync_{name}"] for name in self._switched]

    @property
    def _switched(self) -> list[str]:
        """Return the fields that have a switch; stock has its own choices."""
        return [name for name in FIELDS if name != "stock"]

    @property
    def stock_numbers(self) -> list[forms.BoundField]:
        """Return the fields for the buffer and the maximum."""
        return [self["stock_buffer"], self["stock_maximum"]]

    def clean_stock_buffer(self) -> int:
        """Return 0 for an empty field."""
        return self.cleaned_data["stock_buffer"] or 0

    def clean_stock_maximum(self) -> int:
        """Return 0, which means no limit, for an empty field."""
        return self.cleaned_data["stock_maximum"] or 0

    def save(self, commit: bool = True) -> SyncSettings:  # noqa: FBT001, FBT002 -- Django's own signature
        """Save the settings, including which side leads the stock."""
        chosen = self.cleaned_data.get("stock")
        if chosen:
            self.instance.sync_stock = chosen != STOP
        if chosen in StockWay.values:
            self.instance.stock_way = chosen
        saved: SyncSettings = super().save(commit)
        return saved

    @property
    def order_switches(self) -> list[forms.BoundField]:
        """Return the switches for sales on Reverb."""
        return [self[name] for name in ("take_orders", "send_tracking", "notify_buyer")]

    @property
    def for_new_listings(self) -> list[forms.BoundField]:
        """Return the defaults of new listings for values that the product lacks."""
        return [
            self[n]
            for n in (
                "default_condition",
                "default_category",
                "default_shipping_profile",
                "upc_does_not_apply",
                "default_handmade",
                "default_offers_enabled",
            )
        ]
