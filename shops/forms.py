"""The forms of the shops app."""

from __future__ import annotations

from typing import Any

from django import forms

from shops.key_fields import KeyField, SecretField
from shops.models import Shop
from shops.plain_form import PlainForm
from shops.platforms import Platform
from shops.platforms.values import Way


class ShopForm(PlainForm, forms.ModelForm):  # type: ignore[type-arg]  # Django is not generic at run time
    """Name a shop."""

    class Meta:
        model = Shop
        fields = ["name"]


class StoreForm(PlainForm, forms.Form):
    """Connect a store with pasted keys, which the platform defines."""

    address = forms.CharField(max_length=255, label="Store address")

    def __init__(self, *args: Any, platform: Platform, way: Way, **more: Any) -> None:
        """Add the fields of one of the platform's ways."""
        super().__init__(*args, **{"auto_id": f"id_{way.id}_%s" if way.id else "id_%s", **more})
        self.platform, self.way = platform, way
        self.fields["address"].help_text = platform.address_help
        for field in way.fields:
            made = SecretField if field.secret else KeyField
            self.fields[field.name] = made(label=field.label, help_text=field.help, required=field.required)

    def clean(self) -> dict[str, Any]:
        """Parse address and keys as the platform requires."""
        cleaned = super().clean() or {}
        try:
            if "address" in cleaned:
                cleaned["address"] = self.platform.read_address(cleaned["address"])
        except ValueError as error:
            self.add_error("address", str(error))
        if self.errors:
            return cleaned
        try:
            cleaned["keys"] = self.platform.pasted({name: cleaned.get(name) or "" for name in self._names})
        except ValueError as error:
            self.add_error(None, str(error))
        return cleaned

    @property
    def pasted(self) -> dict[str, str]:
        """Return the pasted values by the way's field names."""
        return {name: self.cleaned_data[name] for name in self._names}

    @property
    def _names(self) -> list[str]:
        return [field.name for field in self.way.fields]


class ReverbForm(PlainForm, forms.Form):
    """Connect Reverb with a personal access token."""

    token = SecretField(label="Personal access token", help_text="Made on Reverb under API & Integrations.")
    sandbox = forms.BooleanField(
        required=False,
        label="This is an account of Reverb's sandbox",
        help_text="Sandbox and Reverb know nothing of each other's tokens.",
    )
