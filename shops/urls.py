"""Addresses of this room."""

from __future__ import annotations

from django.urls import path

from shops import views

app_name = "shops"
urlpatterns = [
    path("", views.index, name="index"),
    path("shops/new/", views.new, name="new"),
    path("shops/<int:shop_id>/", views.overview, name="overview"),
    path("shops/<int:shop_id>/store/", views.store, name="store"),
    path("shops/<int:shop_id>/reverb/", views.reverb, name="reverb"),
    path("shops/<int:shop_id>/settings/", views.settings, name="settings"),
]
