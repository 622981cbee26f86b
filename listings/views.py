"""The products of a shop: what each one's listing is, what waits for the seller, and a button to look again."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from listings import jobs
from listings.models import Job, Product, Rank
from reverbsync import clock
from shops.access import for_members
from shops.models import Shop
from synclog.reasons import REASONS

PAGE_SIZE = 50


@require_safe
@for_members
def products(request: HttpRequest, shop: Shop) -> HttpResponse:
    """List products by title, those that wait for the seller alone when asked; pages by key."""
    words = request.GET.get("q", "").strip().replace("\x00", "")[:200]
    waiting = request.GET.get("waiting") == "1"
    found = Product.objects.filter(shop=shop, gone_at__isnull=True).select_related("listing", "job")
    if words:
        found = found.filter(Q(sku__istartswith=words) | Q(title__icontains=words))
    if waiting:
        found = found.exclude(waits_for="")
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) <= 18:
        found = found.filter(pk__gt=int(after))
    rows = list(found.order_by("pk")[: PAGE_SIZE + 1])
    shown = rows[:PAGE_SIZE]
    context = {
        "shop": shop,
        "rows": [{"product": product, "reason": REASONS.get(product.waits_for)} for product in shown],
        "words": words,
        "waiting": waiting,
        "next": shown[-1].pk if len(rows) > PAGE_SIZE else None,
    }
    return render(request, "listings/products.html", context)


@require_safe
@for_members
def counts(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show how many products are known, listed, being worked on and waiting, as a part of another page."""
    known = Product.objects.filter(shop=shop, gone_at__isnull=True)
    context = {
        "shop": shop,
        "products": known.count(),
        "listed": known.exclude(listing__isnull=True).exclude(listing__reverb_id="").count(),
        "open": Job.objects.filter(shop=shop, waiting=False).count(),
        "waiting": known.exclude(waits_for="").count(),
    }
    return render(request, "listings/_counts.html", context)


@require_POST
@for_members
def look_again(request: HttpRequest, shop: Shop, product_id: int) -> HttpResponse:
    """Open a job for one product because a person asked for it."""
    product = get_object_or_404(Product, shop=shop, pk=product_id)
    jobs.look_again([product], rank=Rank.EDIT, cause=jobs.BY_HAND, now=clock.now())
    messages.success(request, f"Looking at “{product.title}” again. The sync log shows how it goes.")
    return redirect("synclog:log", shop.pk)
