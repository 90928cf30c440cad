"""Addresses of the rider card: the public one carries its own secret."""

from django.urls import path

from couriers.door import views

urlpatterns = [
    path("door/<str:token>/", views.card, name="rider-card"),
    path("stores/<int:store_id>/door/", views.counter, name="rider-door"),
]
