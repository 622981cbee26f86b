"""URLs of the sync log, below a shop."""

from __future__ import annotations

from django.urls import path

from synclog import views

app_name = "synclog"
urlpatterns = [path("", views.log, name="log"), path("latest/", views.latest, name="latest")]
