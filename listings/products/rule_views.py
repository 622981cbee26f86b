"""The page of rules: which products go to Reverb, what their listings say, and their prices."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from listings.mapping import rules, selection, store_terms
from listings.mapping.value_types import SETTABLE, PriceRule
from listings.models import Product, Rank
from listings.products.forms import GroupForm, PriceForm, RuleForm, SelectionForm, WordingForm, choices_of
from listings.queue import jobs
from reverbsync import clock
from shops import recheck, reverb_connection
from shops.access import for_members
from shops.models import MappingRule, SelectionRule, Shop
from shops.models.rules import Group

EXAMPLES = 3
#: Products per statement when all are brought in line.
SOME = 500


@require_safe
@for_members
def show(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the rules."""
    return _page(request, shop, {})


@require_POST
@for_members
def save(request: HttpRequest, shop: Shop, section: str) -> HttpResponse:
    """Save one section of the page, or show it again with its errors."""
    form = _form(request, shop, section)
    try:
        if form.is_valid():
            with transaction.atomic():
                form.save()
    except IntegrityError:
        form.add_error(None, "There is such a rule already. Remove it first.")
    if not form.is_valid():
        return _page(request, shop, {section: form}, status=422)
    recheck.look_again(shop)
    messages.success(request, "Saved. Products take it over as they change, or all at once with the button below.")
    return redirect("listings:rules", shop.pk)


@require_POST
@for_members
def remove(request: HttpRequest, shop: Shop, section: str, rule_id: int) -> HttpResponse:
    """Remove a group or a rule."""
    kinds: dict[str, Any] = {"groups": SelectionRule, "mapping": MappingRule}
    if section not in kinds:
        raise Http404
    get_object_or_404(kinds[section], shop=shop, pk=rule_id).delete()
    recheck.look_again(shop)
    messages.success(request, "Removed.")
    return redirect("listings:rules", shop.pk)


@require_safe
@for_members
def says(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the input for the value of a field, as a part of the page: a list where Reverb has one."""
    form = RuleForm(lists=reverb_connection.lists_of(shop), field=_field(request.GET.get("field", "")))
    return render(request, "products/_says.html", {"field": form["says"]})


@require_POST
@for_members
def bring_in_line(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Open a job for every product that goes to Reverb, at the least urgent rank."""
    count, after = 0, 0
    while True:
        known = Product.objects.filter(
            shop=shop, gone_at__isnull=True, pending_first_sync=False, pk__gt=after
        ).order_by("pk")[:SOME]
        rows = list(known)
        if not rows:
            break
        after = rows[-1].pk
        wanted = selection.chosen(shop, rows)
        jobs.look_again(wanted, rank=Rank.CATALOGUE, trigger="your rules", now=clock.now())
        count += len(wanted)
    messages.success(request, f"Looking at {count} product{'' if count == 1 else 's'}. The sync log shows how it goes.")
    return redirect("synclog:log", shop.pk)


# -- the page ------------------------------------------------------------------------------------------------------


def _form(request: HttpRequest, shop: Shop, section: str) -> forms.ModelForm:  # type: ignore[type-arg]
    data, settings = request.POST, shop.sync_settings
    match section:
        case "selection":
            return SelectionForm(data, instance=settings)
        case "price":
            return PriceForm(data, instance=settings)
        case "wording":
            return WordingForm(data, instance=settings, attributes=store_terms.attributes(shop))
        case "groups":
            return GroupForm(data, instance=SelectionRule(shop=shop))
        case "mapping":
            field = _field(data.get("field", ""))
            made = RuleForm(data, instance=MappingRule(shop=shop), lists=reverb_connection.lists_of(shop), field=field)
            made.instance.says = data.get("says", "").strip()[:255]
            return made
    raise Http404


def _page(request: HttpRequest, shop: Shop, given: dict[str, Any], *, status: int = 200) -> HttpResponse:
    lists, settings = reverb_connection.lists_of(shop), shop.sync_settings
    shop.sync_settings.refresh_from_db()
    words = store_terms.groups(shop)
    requested = _field(request.GET.get("field", ""))
    context = {
        "shop": shop,
        "selection": given.get("selection") or SelectionForm(instance=settings),
        "price": given.get("price") or PriceForm(instance=settings),
        "wording": given.get("wording") or WordingForm(instance=settings, attributes=store_terms.attributes(shop)),
        "group": given.get("groups") or GroupForm(),
        "rule": given.get("mapping") or RuleForm(lists=lists, field=requested),
        "groups": SelectionRule.objects.filter(shop=shop).order_by("by", "value"),
        "rules": [_row(row, choices_of(row.field, lists)) for row in MappingRule.objects.filter(shop=shop)],
        "words": [(Group(by).label, sorted(found)) for by, found in words.items() if found],
        "examples": _examples(shop, rules.defaults_of(shop).price),
    }
    return render(request, "products/rules.html", context, status=status)


def _row(row: MappingRule, choices: list[tuple[str, str]] | None) -> dict[str, Any]:
    names = dict(choices or [])
    return {"row": row, "field": row.field.replace("_", " "), "says": names.get(row.says, row.says)}


def _examples(shop: Shop, rule: PriceRule) -> list[dict[str, Any]]:
    """Return a few products with their prices in the store and on Reverb."""
    rows = Product.objects.filter(shop=shop, gone_at__isnull=True).order_by("pk")[:EXAMPLES]
    seen = [row.seen for row in rows]
    return [{"title": one.title, "store": one.price, "reverb": rule.of(one.price), "in": one.currency} for one in seen]


def _field(name: str) -> str:
    return name if name in SETTABLE else "condition"
