"""What was counted and compared: hourly counts of messages, and reconciliations."""

from django.contrib import admin

from orders.admin.lists import LongLog
from orders.models import Reconciliation, Tally


@admin.register(Tally)
class TallyAdmin(LongLog):
    list_display = ("hour", "account", "what", "count")
    list_filter = ("account", "what", "hour")
    list_select_related = ("account",)
    ordering = ("-hour", "account", "what")


@admin.register(Reconciliation)
class ReconciliationAdmin(LongLog):
    list_display = (
        "started_at", "account", "asked", "recovered", "completed", "changed", "conflicts",
        "finished_at", "error",
    )  # fmt: skip
    list_filter = ("account", "started_at")
    list_select_related = ("account",)
