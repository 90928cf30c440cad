"""Addresses of this app's pages."""

from django.urls import path

from reports import views

urlpatterns = [
    path("reports/", views.report, name="reports"),
    path("reports/orders.csv", views.orders_csv, name="reports-orders"),
    path("reports/summary.csv", views.summary_csv, name="reports-summary"),
]
