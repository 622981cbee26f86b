"""URLs of a shop's webhooks that were put aside, below the shop."""

from __future__ import annotations

from django.urls import path

from webhooks.dead_letters import views

app_name = "aside"
urlpatterns = [
    path("", views.show, name="show"),
    path("retry/", views.retry, name="retry"),
    path("dismiss/", views.dismiss, name="dismiss"),
]
