"""Addresses that platforms post to. The key is the unguessable part."""

from __future__ import annotations

from django.urls import path

from webhooks import shipstation, views

app_name = "webhooks"
urlpatterns = [
    path("store/<str:key>/", views.from_store, name="store"),
    path("app/<slug:kind>/", views.from_app, name="app"),
    path("shipstation/<str:key>/", shipstation.store, name="shipstation_store"),
    path("shipstation/<str:key>/shipped/", shipstation.hook, name="shipstation_hook"),
    path("reverb/<str:key>/", views.from_reverb, name="reverb"),
    path("reverb/<str:key>/<path:topic>/", views.from_reverb, name="reverb_topic"),
]
