"""Connect Reverb by OAuth, if the operator has a client id ("Apps for multiple users").

Facts: Reverb docs, "Build a multi-user app with OAuth". No expiry and no refresh token are documented, so a refused
token is replaced with the same button. Reverb may no longer issue client ids; sellers then paste tokens.
"""

from __future__ import annotations

from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from shops import reverb_connection
from shops.access import for_members
from shops.connect import pending
from shops.models import PendingConnection, Shop
from shops.reverb import oauth
from shops.reverb.connect import SCOPES
from shops.reverb.errors import ReverbError


@require_POST
@for_members
def begin(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Begin to connect a shop to Reverb; `sandbox` in the form chooses the sandbox."""
    if not settings.REVERB_CLIENT_ID:
        raise Http404("Reverb by OAuth is not set up here.")
    made = pending.begin(request, shop, "reverb", "sandbox" if request.POST.get("sandbox") == "on" else "")
    return redirect("reverb_go", made.state)


@require_safe
@login_required
def go(request: HttpRequest, state: str) -> HttpResponse:
    """Lead on to Reverb's page."""
    row = pending.begun_here(request, state)
    if row.platform != "reverb" or not pending.is_fresh(row):
        messages.error(request, pending.EXPIRED)
        return redirect("shops:reverb", row.shop_id)
    query = {
        "client_id": settings.REVERB_CLIENT_ID,
        "redirect_uri": _callback_address(),
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": row.state,
    }
    return pending.lead_on(request, f"{_root(row)}/oauth/authorize?{urlencode(query)}", "Reverb")


@require_safe
@login_required
def callback(request: HttpRequest) -> HttpResponse:
    """Accept the code, once, from the person who began."""
    row = pending.find("reverb", request.GET.get("state", ""))
    if row is None or row.shop is None or not pending.is_of(request, row) or not pending.use(row):
        messages.error(request, pending.EXPIRED)
        return redirect("/")
    back = redirect("shops:reverb", row.shop.pk)
    if not request.GET.get("code"):
        messages.error(request, "Reverb did not let us in. You can try again, or paste a token.")
        return back
    try:
        token = oauth.token_for_code(_root(row), request.GET["code"], _callback_address())
    except ReverbError as error:
        messages.error(request, f"Reverb gave no token: {error.message}")
        return back
    account = reverb_connection.connect_reverb(row.shop, token, sandbox=row.address == "sandbox", by_oauth=True)
    if account.problem is not None and not account.problem.usable:
        messages.error(request, account.problem.words)
    else:
        messages.success(request, reverb_connection.connected_words(row.shop, account))
    return back


def _root(row: PendingConnection) -> str:
    return settings.REVERB_SANDBOX_WEB_URL if row.address == "sandbox" else settings.REVERB_WEB_URL


def _callback_address() -> str:
    return settings.SITE_URL + reverse("reverb_callback")
