"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

from merchant_portal import health
from merchant_portal.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("", include("orders.urls")),
    path("", include("couriers.urls")),
    path("", include("couriers.policy.urls")),
    path("", include("couriers.door.urls")),
    path("", include("couriers.riders.urls")),
    path("", include("reports.urls")),
]
