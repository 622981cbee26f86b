"""URLs that platforms post to. The key is the unguessable part; an invalid one yields 404."""

from __future__ import annotations

from django.urls import path

from listings.orders.shipstation import endpoints
from webhooks import views

app_name = "webhooks"
urlpatterns = [
    path("store/<slug:key>/", views.from_store, name="store"),
    path("app/<slug:kind>/", views.from_app, name="app"),
    path("shipstation/<slug:key>/", endpoints.store, name="shipstation_store"),
    path("shipstation/<slug:key>/shipped/", endpoints.hook, name="shipstation_hook"),
    path("reverb/<slug:key>/", views.from_reverb, name="reverb"),
    path("reverb/<slug:key>/<path:topic>/", views.from_reverb, name="reverb_topic"),
]
