"""URLs of a shop's mass sync."""

from __future__ import annotations

from django.urls import path

from listings.mass_sync import views

app_name = "mass"
urlpatterns = [
    path("", views.mass_sync, name="show"),
    path("now/", views.now, name="now"),
    path("lines.csv", views.export, name="export"),
    path("begin/", views.begin, name="begin"),
    path("<slug:word>/", views.act, name="act"),
]
