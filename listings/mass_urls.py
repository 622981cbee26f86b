"""Addresses of a shop's mass sync."""

from __future__ import annotations

from django.urls import path

from listings import mass_views

app_name = "mass"
urlpatterns = [
    path("", mass_views.mass_sync, name="show"),
    path("now/", mass_views.now, name="now"),
    path("lines.csv", mass_views.export, name="export"),
    path("begin/", mass_views.begin, name="begin"),
    path("<slug:word>/", mass_views.act, name="act"),
]
