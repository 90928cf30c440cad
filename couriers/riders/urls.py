"""Addresses of the counter's page of riders, and of the page on a rider's phone."""

from django.urls import path

from couriers.riders import counter, phone

urlpatterns = [
    path("r/worker.js", phone.worker, name="rider-worker"),
    path("r/<token>/", phone.page, name="rider-page"),
    path("r/<token>/stops", phone.stops, name="rider-stops"),
    path("r/<token>/handoffs/<int:handoff_id>/problem", phone.problem, name="rider-problem"),
    path("r/<token>/handoffs/<int:handoff_id>/proof", phone.proof, name="rider-proof"),
    path("r/<token>/handoffs/<int:handoff_id>/call", phone.call, name="rider-call"),
    path("r/<token>/handoffs/<int:handoff_id>/<verb>", phone.step, name="rider-step"),
    path("stores/<int:store_id>/riders/", counter.page, name="riders"),
    path("stores/<int:store_id>/riders/runs", counter.assign, name="riders-assign"),
    path("stores/<int:store_id>/riders/new", counter.take_on, name="rider-new"),
    path("stores/<int:store_id>/riders/<int:rider_id>/link", counter.link, name="rider-link"),
    path("stores/<int:store_id>/riders/<int:rider_id>/<verb>", counter.change, name="rider-change"),
    path("stores/<int:store_id>/riders/reports/<int:report_id>/photo", counter.photo, name="rider-photo"),
]
