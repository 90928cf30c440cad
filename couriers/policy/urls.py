"""The address of the policy's page."""

from django.urls import path

from couriers.policy.views import carriers

urlpatterns = [path("stores/<int:store_id>/carriers/", carriers, name="carrier-policy")]
