"""The page of the mass sync: the preview, its buttons, the progress, and the result for each product."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.text import slugify
from django.views.decorators.http import require_POST, require_safe

from listings.mass_sync import browse, line_actions, progress, run, starting
from listings.models import Crawl, Line, MassSync
from shops.access import for_members
from shops.models import Person, ReverbConnection, Shop
from shops.reverb import limits
from synclog.reasons import quoted

#: Failures shown beside the counts; the list below shows all.
LATEST_FAILURES = 10
State = MassSync.State


@require_safe
@for_members
def mass_sync(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the newest mass sync with its lines. For htmx it is the lines alone."""
    sync = _newest(shop)
    lines_alone = bool(getattr(request, "htmx", False))
    context = _lines(request, shop, sync) if sync is not None and _has_lines(sync) else {"shop": shop}
    if not lines_alone:
        context |= _state(shop, sync)
    response = render(request, "mass_sync/_lines.html" if lines_alone else "mass_sync/page.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@require_safe
@for_members
def now(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Show the progress as a part of the page, which is reloaded when the state changes."""
    sync = _newest(shop)
    response = render(request, "mass_sync/_state.html", _state(shop, sync))
    if sync is None or sync.state != request.GET.get("seen", sync.state):
        response["HX-Refresh"] = "true"
    return response


@require_safe
@for_members
def export(request: HttpRequest, shop: Shop) -> HttpResponseBase:
    """Send all lines as one CSV file."""
    sync = _newest(shop)
    if sync is None or not _has_lines(sync):
        raise Http404
    answer = StreamingHttpResponse(browse.document(sync), content_type="text/csv; charset=utf-8")
    name = f"{slugify(shop.name) or 'shop'}-mass-sync-{sync.begun_at:%Y-%m-%d}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


@require_POST
@for_members
def begin(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Begin a mass sync with its preview, within the recommended pause if the seller insists."""
    assert isinstance(request.user, Person)  # noqa: S101 -- ensured by for_members
    try:
        starting.begin(shop, request.user, anyway=request.POST.get("anyway") == "1")
    except starting.TooSoon:
        pass  # the page says why, with a button that begins anyway
    except starting.NotConnected:
        messages.error(request, "Connect Reverb first: without it nobody knows what your listings say.")
    return redirect("mass:show", shop.pk)


@require_POST
@for_members
def act(request: HttpRequest, shop: Shop, word: str) -> HttpResponse:
    """Start, pause, resume or cancel it, or retry what failed."""
    match word:
        case "start":
            starting.start(shop)
        case "pause":
            run.pause(shop)
        case "resume":
            run.resume(shop)
        case "cancel":
            run.cancel(shop)
        case "retry":
            sync = _newest(shop)
            count = run.retry(sync) if sync is not None else 0
            messages.success(request, f"{count} product{'' if count == 1 else 's'} to be tried again.")
        case _:
            raise Http404
    return redirect("mass:show", shop.pk)


def _newest(shop: Shop) -> MassSync | None:
    return MassSync.objects.filter(shop=shop).order_by("-begun_at", "-pk").select_related("person").first()


def _has_lines(sync: MassSync) -> bool:
    """Return whether there is a plan to review; a discarded one does not count."""
    if sync.state == State.CANCELLED:
        return sync.started_at is not None
    return sync.state not in (State.FETCHING, State.PLANNING)


def _lines(request: HttpRequest, shop: Shop, sync: MassSync) -> dict[str, Any]:
    filters = browse.Filters.read(request.GET)
    before, after = browse.key(request.GET.get("before", "")), browse.key(request.GET.get("after", ""))
    page = browse.page(sync, filters, before=before, after=after)
    return {
        "shop": shop,
        "sync": sync,
        "page": page,
        "lines": [_line(one) for one in page.lines],
        "filters": filters,
        "shown": browse.SHOWN.items(),
        "moves": sync.state in (State.RUNNING, State.CONFIRMING) and before is None and after is None,
    }


def _line(line: Line) -> dict[str, Any]:
    badges = {Line.State.DONE: "synced", Line.State.FAILED: "failed"}
    listing: Any = getattr(line.product, "listing", None)
    cannot = "skipped" if line.kind == Line.Kind.CANNOT else ""
    return {
        "line": line,
        "kind": browse.KINDS[line.kind],
        "product": line.product,
        "link": listing.link if listing is not None else "",
        "badge": badges.get(Line.State(line.state), cannot),
        "why": browse.why(line),
        "said": quoted(line.reason, line.message),
        "calls": line.kind in Line.CALLS,
    }


def _state(shop: Shop, sync: MassSync | None) -> dict[str, Any]:
    connection = ReverbConnection.objects.filter(shop=shop).first()
    reading = Crawl.objects.filter(shop=shop, kind=Crawl.Kind.CATALOGUE, state=Crawl.State.RUNNING).first()
    context: dict[str, Any] = {
        "shop": shop,
        "sync": sync,
        "open": sync is not None and sync.state in MassSync.OPEN,
        "moves": sync is not None and sync.state in MassSync.WORKING,
        "reading": reading,
        "reverb": connection,
        "too_soon": starting.too_soon_after(shop),
        "pause_hours": starting.pause_hours(),
        "throttle": limits.throttle_of(connection) if connection is not None else None,
        "allowed": progress.allowed(connection) if connection is not None else None,
    }
    if sync is None:
        return context
    if _has_lines(sync):
        failed = Line.objects.filter(sync=sync, kind__in=Line.CALLS, state=Line.State.FAILED)
        found = failed.select_related("product__listing").order_by("priority", "pk")[:LATEST_FAILURES]
        context |= {"tally": progress.Tally.of(sync), "failures": [_line(one) for one in found]}
    if sync.state == State.PLANNED:
        tally = context["tally"]
        context |= {
            "fields": line_actions.fields(sync),
            "left": tally.reasons(Line.Kind.LEFT),
            "cannot": tally.reasons(Line.Kind.CANNOT),
        }
    if sync.started_at and sync.finished_at:
        context["took"] = progress.time_words((sync.finished_at - sync.started_at).total_seconds())
    if sync.state in MassSync.OPEN:
        context |= {"progress": progress.progress(sync), "time_left": progress.time_words(run.seconds_left(sync))}
    return context
