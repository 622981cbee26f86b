"""Addresses of a shop's webhooks that were put aside, below the shop."""

from __future__ import annotations

from django.urls import path

from webhooks import aside_views

app_name = "aside"
urlpatterns = [
    path("", aside_views.show, name="show"),
    path("retry/", aside_views.retry, name="retry"),
    path("dismiss/", aside_views.dismiss, name="dismiss"),
]
