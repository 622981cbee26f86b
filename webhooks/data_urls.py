"""Addresses of a shop's data, below the shop."""

from __future__ import annotations

from django.urls import path

from webhooks import data_views

app_name = "data"
urlpatterns = [
    path("", data_views.data, name="data"),
    path("download/", data_views.download, name="download"),
    path("delete/", data_views.delete, name="delete"),
]
