"""The page of one product: what its listing says, where each value comes from, and the seller's own word on it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from listings import jobs, mapping, rules, selection
from listings.forms import LABELS, ProductForm
from listings.mapping import Defaults, Origin
from listings.models import Product, Rank
from reverbsync import clock
from shops import make
from shops.access import for_members
from shops.models import Shop
from shops.reverb.lists import Lists
from synclog.reasons import REASONS


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def product(request: HttpRequest, shop: Shop, product_id: int) -> HttpResponse:
    """Show one product; take the seller's own values for it."""
    row = get_object_or_404(Product.objects.select_related("listing"), shop=shop, pk=product_id)
    lists = make.lists_of(shop)
    form = ProductForm(request.POST or None, product=row, lists=lists)
    if request.method == "POST" and form.is_valid():
        _say(row, choice=form.cleaned_data["choice"], overrides=form.overrides)
        messages.success(request, "Saved. The sync log shows how it goes.")
        return redirect("listings:product", shop.pk, row.pk)
    defaults = rules.defaults_of(shop)
    wanted = selection.wanted_groups(shop)
    context = {
        "shop": shop,
        "product": row,
        "seen": row.seen,
        "form": form,
        "rows": _rows(row, defaults, lists, form, shop.sync_settings.fields_on),
        "price": defaults.price.of(row.seen.price),
        "chosen": selection.is_chosen(row.seen, row.choice, wanted),
        "by_rules": selection.is_chosen(row.seen, "", wanted),
        "reason": REASONS.get(row.waits_for),
    }
    return render(request, "listings/product.html", context, status=422 if form.errors else 200)


@require_POST
@for_members
def switch(request: HttpRequest, shop: Shop, product_id: int, word: str) -> HttpResponse:
    """Switch one product on or off from the list."""
    row = get_object_or_404(Product, shop=shop, pk=product_id)
    _say(row, choice=word if word in ("on", "off") else "", overrides=row.overrides)
    goes = "goes to Reverb" if word == "on" else "does not go to Reverb"
    messages.success(request, f"“{row.title}” {goes}.")
    return redirect("listings:products", shop.pk)


def _say(row: Product, *, choice: str, overrides: dict[str, str]) -> None:
    Product.objects.filter(pk=row.pk).update(choice=choice, overrides=overrides, held=False)
    if choice != "off":
        jobs.look_again([row], rank=Rank.EDIT, cause=jobs.BY_HAND, now=clock.now())


def _rows(
    row: Product, defaults: Defaults, lists: Lists, form: ProductForm, on: frozenset[str]
) -> list[dict[str, Any]]:
    """Return each settable field with its value, where that comes from, and the input for the seller's own."""
    found = mapping.values(row.seen, defaults, lists, row.overrides)
    names = {choice.id: choice.name for choice in lists.all}
    rows = []
    for name, label in LABELS.items():
        value = found.get(name)
        rows.append(
            {
                "label": label,
                "shown": _shown(value.value, names) if value else "",
                "origin": value.origin.value if value else "",
                "source": value.source if value else "",
                "guessed": value is not None and value.origin == Origin.GUESS,
                "on": name in on,
                "field": form[name],
            }
        )
    return rows


def _shown(value: object, names: dict[str, str]) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return names.get(str(value), str(value))
