"""Forms for which products go to Reverb, and what their listings say."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms

from listings.mapping.value_types import LONGEST, NO_UPC, SETTABLE, YES
from listings.models import Product
from shops.models import FIELDS, Group, MappingRule, SelectionRule, SyncSettings
from shops.reverb.lists import Lists

LABELS = {name: FIELDS[name] for name in SETTABLE}
NO = "no"


def choices_of(field: str, lists: Lists) -> list[tuple[str, str]] | None:
    """Return the choices of a field as (value, name), None for a free-text field."""
    match field:
        case "condition":
            return [(one.id, one.name) for one in lists.conditions]
        case "category":
            return [(one.id, one.name) for one in lists.categories if one.listable]
        case "shipping_profile":
            return [(one.id, one.name) for one in lists.shipping_profiles]
        case "handmade" | "offers":
            return [(YES, "Yes"), (NO, "No")]
    return None


def _says(field: str, lists: Lists, *, empty: str, now: str = "") -> forms.Field:
    """Return the input for a field's value: a list where Reverb has one. The current value stays a choice."""
    rows = choices_of(field, lists)
    if rows is None:
        words = "Digits, or “does not apply”." if field == "upc" else ""
        return forms.CharField(label=LABELS[field], max_length=LONGEST, required=False, help_text=words)
    if now and now not in dict(rows):
        rows.insert(0, (now, "As chosen before"))
    return forms.ChoiceField(label=LABELS[field], choices=[("", empty), *rows], required=False)


class SelectionForm(forms.ModelForm):  # type: ignore[type-arg]  # Django is not generic at run time
    """All products, or selected ones."""

    class Meta:
        model = SyncSettings
        fields = ["selection"]
        widgets = {"selection": forms.RadioSelect}


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """How the price on Reverb is derived from the store's."""

    class Meta:
        model = SyncSettings
        fields = ["price_percent", "price_amount", "price_rounding", "price_floor"]

    def clean_price_percent(self) -> Decimal:
        """Reject a reduction of 100 percent or more."""
        percent: Decimal = self.cleaned_data["price_percent"]
        if percent <= -100:
            raise forms.ValidationError("A price cannot go down by 100 percent or more.")
        return percent

    def clean_price_floor(self) -> Decimal:
        """Reject a negative floor."""
        floor: Decimal = self.cleaned_data["price_floor"]
        if floor < 0:
            raise forms.ValidationError("A floor cannot be negative.")
        return floor


class WordingForm(forms.ModelForm):  # type: ignore[type-arg]
    """Which attributes contain make and model."""

    class Meta:
        model = SyncSettings
        fields = ["make_from", "model_from"]

    def __init__(self, *args: Any, attributes: Sequence[str], **more: Any) -> None:
        """Build the form. `attributes` are the names that the store uses."""
        super().__init__(*args, **more)
        usual = {"make_from": "The vendor or brand", "model_from": "The title less the make"}
        for name, words in usual.items():
            now = str(getattr(self.instance, name))
            names = list(dict.fromkeys([*([now] if now else []), *attributes]))
            rows = [("", words), *((one, f"Attribute “{one}”") for one in names)]
            label = "Make" if name == "make_from" else "Model"
            self.fields[name] = forms.ChoiceField(label=label, required=False, choices=rows)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """Add a group of products that go to Reverb."""

    by = forms.ChoiceField(choices=Group.choices)

    class Meta:
        model = SelectionRule
        fields = ["by", "value"]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Add a rule: products of this group say this in that field."""

    by = forms.ChoiceField(choices=Group.choices)
    field = forms.ChoiceField(label="say this", choices=list(LABELS.items()))

    class Meta:
        model = MappingRule
        fields = ["by", "value", "field"]

    def __init__(self, *args: Any, lists: Lists, field: str, **more: Any) -> None:
        """Build the form. `field` determines the choices of the value."""
        super().__init__(*args, **more)
        self.fields["field"].initial = field
        self.fields["says"] = _says(field, lists, empty="— choose —")
        self.fields["says"].required = True


class ProductForm(forms.Form):
    """The seller's own choice and values for one product."""

    choice = forms.ChoiceField(
        label="Goes to Reverb",
        required=False,
        widget=forms.RadioSelect,
        choices=[("", "As my rules say"), ("on", "Always"), ("off", "Never")],
    )
    stock_buffer = forms.IntegerField(
        label="Units held back",
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text="Empty: as in the settings.",
    )
    stock_maximum = forms.IntegerField(
        label="Most units to show",
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text="Empty: as in the settings. 0: no limit.",
    )

    def __init__(self, data: Any = None, *, product: Product, lists: Lists) -> None:
        """Build the form with the current values."""
        own = {"stock_buffer": product.stock_buffer, "stock_maximum": product.stock_maximum}
        super().__init__(data, initial={"choice": product.choice, **own, **product.overrides})
        for name in SETTABLE:
            now = str(product.overrides.get(name, ""))
            self.fields[name] = _says(name, lists, empty="— as worked out —", now=now)

    @property
    def stock_numbers(self) -> list[forms.BoundField]:
        """The fields for the buffer and the most units to show."""
        return [self["stock_buffer"], self["stock_maximum"]]

    def clean_upc(self) -> str:
        """Accept digits, or the words for a product without a UPC."""
        text = str(self.cleaned_data["upc"]).strip()
        if text and text.lower() != NO_UPC and not text.replace(" ", "").replace("-", "").isdigit():
            raise forms.ValidationError("A UPC or EAN has digits only.")
        return NO_UPC if text.lower() == NO_UPC else text.replace(" ", "").replace("-", "")

    @property
    def overrides(self) -> dict[str, str]:
        """Return the values that were entered, without empty ones."""
        return {name: text for name in SETTABLE if (text := str(self.cleaned_data.get(name) or "").strip())}
