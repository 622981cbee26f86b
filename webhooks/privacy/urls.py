"""URLs of a shop's data, below the shop."""

from __future__ import annotations

from django.urls import path

from webhooks.privacy import views

app_name = "data"
urlpatterns = [
    path("", views.data, name="data"),
    path("download/", views.download, name="download"),
    path("delete/", views.delete, name="delete"),
]
