"""Addresses of this room, below a shop."""

from __future__ import annotations

from django.urls import path

from listings import views

app_name = "listings"
urlpatterns = [
    path("import/", views.show_walks, name="walks"),
    path("import/<slug:kind>/<slug:word>/", views.act_on_walk, name="act_on_walk"),
    path("bring/", views.bring, name="bring"),
    path("", views.products, name="products"),
    path("counts/", views.counts, name="counts"),
    path("<int:product_id>/look-again/", views.look_again, name="look_again"),
]
