"""The products of a shop: the listing of each, what waits for the seller, and a button to check again."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from listings.intake import crawls, missing, rechecks
from listings.mapping import selection
from listings.models import Crawl, Job, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from shops.access import for_members
from shops.models import Shop
from synclog.reasons import REASONS

PAGE_SIZE = 50

#: Unreadable products that the import's page names; the sync log has them all.
UNREAD_SHOWN = 20


@require_safe
@for_members
def products(request: HttpRequest, shop: Shop) -> HttpResponse:
    """List products, or only those that wait for the seller, with keyset pagination."""
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
    wanted = selection.wanted_groups(shop)
    context = {
        "shop": shop,
        "rows": [
            {
                "product": product,
                "reason": REASONS.get(product.waits_for),
                "chosen": selection.is_chosen(product.seen, product.choice, wanted),
            }
            for product in shown
        ],
        "words": words,
        "waiting": waiting,
        "next": shown[-1].pk if len(rows) > PAGE_SIZE else None,
    }
    return render(request, "products/products.html", context)


@require_safe
@for_members
def counts(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show how many products are known, listed, in progress and waiting, as a part of another page."""
    known = Product.objects.filter(shop=shop, gone_at__isnull=True)
    context = {
        "shop": shop,
        "products": known.count(),
        "listed": known.exclude(listing__isnull=True).exclude(listing__reverb_id="").count(),
        "open": Job.objects.filter(shop=shop, blocked=False).count(),
        "waiting": known.exclude(waits_for="").count(),
    }
    return render(request, "products/_counts.html", context)


@require_POST
@for_members
def look_again(request: HttpRequest, shop: Shop, product_id: int) -> HttpResponse:
    """Open a job for one product at a person's request."""
    product = get_object_or_404(Product, shop=shop, pk=product_id)
    jobs.look_again([product], rank=Rank.EDIT, trigger=jobs.BY_HAND, now=clock.now())
    messages.success(request, f"Looking at “{product.title}” again. The sync log shows how it goes.")
    return redirect("synclog:log", shop.pk)


@require_safe
@for_members
def show_import(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the import's progress and the next crawls, as a part of another page."""
    rows = Crawl.objects.filter(shop=shop).order_by("kind")
    pending = Product.objects.filter(shop=shop, pending_first_sync=True, gone_at__isnull=True).count()
    known = Product.objects.filter(shop=shop, gone_at__isnull=True).count()
    unread = rechecks.unread_of(shop)
    odd = {"missing": missing.of(shop), "unread": unread[:UNREAD_SHOWN], "unread_count": unread.count()}
    context = {"shop": shop, "crawls": rows, "pending": pending, "known": known, **odd}
    template = "products/_import.html" if request.headers.get("HX-Request") else "products/import.html"
    return render(request, template, context)


@require_POST
@for_members
def read_again(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Read the products again that could not be read."""
    rechecks.make_due(shop.pk)
    messages.success(request, "We are reading them again now.")
    return redirect("shops:store", shop.pk)


@require_POST
@for_members
def act_on_crawl(request: HttpRequest, shop: Shop, kind: str, word: str) -> HttpResponse:
    """Begin, resume or stop a crawl of the store."""
    if kind not in Crawl.Kind.values or word not in ("begin", "stop"):
        raise Http404
    if word == "stop":
        crawls.stop(shop, kind)
        messages.success(request, "Stopped. It can go on from here whenever you like.")
    else:
        get_object_or_404(Crawl, shop=shop, kind=kind)
        crawls.begin(shop, kind)
        messages.success(request, "Looking at your store now.")
    return redirect("shops:store", shop.pk)


@require_POST
@for_members
def settle_missing(request: HttpRequest, shop: Shop, word: str) -> HttpResponse:
    """Apply the seller's answer about products missing from the store's complete list."""
    if word == "remove":
        count = missing.confirm(shop)
        messages.success(request, f"{count} products are removed. Their listings on Reverb are being ended.")
    elif word == "keep":
        missing.keep(shop)
        messages.success(request, "Kept. Their listings stay on Reverb.")
    else:
        raise Http404
    return redirect("shops:store", shop.pk)
