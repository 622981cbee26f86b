"""Addresses at which stores and Reverb send people, and themselves, back to us."""

from __future__ import annotations

from django.urls import path

from shops import connecting, reverb_oauth

urlpatterns = [
    path("choose/<str:state>/", connecting.choose_shop, name="choose_shop"),
    path("reverb/callback/", reverb_oauth.callback, name="reverb_callback"),
    path("<slug:kind>/<slug:step>/", connecting.arrive, name="connect"),
]
