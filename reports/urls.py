"""Addresses of this app's pages."""

from django.urls import path

from reports import views
from reports.channels.views import channels, channels_csv
from reports.couriers.views import couriers, couriers_csv

urlpatterns = [
    path("reports/", views.report, name="reports"),
    path("reports/orders.csv", views.orders_csv, name="reports-orders"),
    path("reports/channels/", channels, name="reports-channels"),
    path("reports/channels.csv", channels_csv, name="reports-channels-csv"),
    path("reports/couriers/", couriers, name="reports-couriers"),
    path("reports/couriers.csv", couriers_csv, name="reports-couriers-csv"),
    path("reports/summary.csv", views.summary_csv, name="reports-summary"),
]
