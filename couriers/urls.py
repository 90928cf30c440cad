"""Addresses couriers call."""

from django.urls import URLPattern, path

from couriers import views

urlpatterns: list[URLPattern] = [
    path("couriers/<slug:provider>/callback/<slug:token>/", views.callback, name="courier-callback"),
    path(
        "couriers/<slug:provider>/account/<slug:token>/",
        views.account_callback,
        name="courier-account-callback",
    ),
]
