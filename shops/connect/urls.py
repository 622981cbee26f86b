"""URLs to which stores and Reverb send browsers, or their own servers' calls."""

from __future__ import annotations

from django.urls import path

from shops.connect import arrivals, choose_shop, reverb_oauth, views

urlpatterns = [
    path("go/<slug:state>/", views.go, name="connect_go"),
    path("choose/<slug:state>/", choose_shop.choose_shop, name="choose_shop"),
    path("reverb/go/<slug:state>/", reverb_oauth.go, name="reverb_go"),
    path("reverb/callback/", reverb_oauth.callback, name="reverb_callback"),
    path("<slug:kind>/<slug:step>/", arrivals.arrive, name="connect"),
]
