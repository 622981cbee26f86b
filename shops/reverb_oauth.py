"""Connect Reverb by its authorization page, where the operator has a client id ("Apps for multiple users").

Facts: Reverb docs, "Build a multi-user app with OAuth". No expiry and no refresh token are documented, so a token
that is refused later is asked for again by the same button. Reverb may give out no client ids any more; then sellers
paste tokens.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from reverbsync import clock
from shops import make
from shops.access import for_members
from shops.models import PendingConnection, Person, Shop
from shops.reverb import client
from shops.reverb.connect import SCOPES
from shops.reverb.errors import ReverbError

LIVES = timedelta(minutes=30)


@require_POST
@for_members
def begin(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Send the browser to Reverb's page; `sandbox` in the form chooses which Reverb."""
    if not settings.REVERB_CLIENT_ID:
        raise Http404("Reverb by OAuth is not set up here.")
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    sandbox = request.POST.get("sandbox") == "on"
    made = PendingConnection.objects.create(
        shop=shop, person=request.user, platform="reverb", address="sandbox" if sandbox else "", made_at=clock.now()
    )
    asked = {
        "client_id": settings.REVERB_CLIENT_ID,
        "redirect_uri": _callback_address(),
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": made.state,
    }
    root = settings.REVERB_SANDBOX_WEB_URL if sandbox else settings.REVERB_WEB_URL
    return HttpResponseRedirect(f"{root}/oauth/authorize?{urlencode(asked)}")


@require_safe
@login_required
def callback(request: HttpRequest) -> HttpResponse:
    """Take the code back, once, from the person who began."""
    assert isinstance(request.user, Person)  # noqa: S101 -- login_required has seen to it
    fresh = PendingConnection.objects.filter(platform="reverb", used_at=None, made_at__gt=clock.now() - LIVES)
    row = fresh.filter(state=request.GET.get("state", ""), person=request.user).select_related("shop").first()
    if row is None or row.shop is None or not fresh.filter(pk=row.pk).update(used_at=clock.now()):
        messages.error(request, "This connection was not begun here, or too long ago. Please begin again.")
        return redirect("/")
    back = redirect("shops:reverb", row.shop.pk)
    if not request.GET.get("code"):
        messages.error(request, "Reverb did not let us in. You can try again, or paste a token.")
        return back
    sandbox = row.address == "sandbox"
    root = settings.REVERB_SANDBOX_WEB_URL if sandbox else settings.REVERB_WEB_URL
    try:
        token = client.token_for_code(root, request.GET["code"], _callback_address())
    except ReverbError as error:
        messages.error(request, f"Reverb gave no token: {error.message}")
        return back
    account = make.connect_reverb(row.shop, token, sandbox=sandbox, by_oauth=True)
    if account.problem is not None and not account.problem.usable:
        messages.error(request, account.problem.words)
    else:
        messages.success(request, f"Connected to {account.shop_name or 'Reverb'}.")
    return back


def _callback_address() -> str:
    return settings.SITE_URL + reverse("reverb_callback")
