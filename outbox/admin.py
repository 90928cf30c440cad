"""Jobs in the admin: to look at, and to retry when they are dead. `ReadOnly` serves all apps' logs."""

import json
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from outbox.models import Job
from outbox.services import retry


class ReadOnly(admin.ModelAdmin):
    """Rows that the product writes and nobody edits: no adding, no changing, no deleting."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def pretty(value: Any) -> str:
    """JSON as text to read."""
    text = json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)
    return format_html('<pre class="json">{}</pre>', text)


class Routine(admin.SimpleListFilter):
    """Jobs that run by the clock and are done would hide all others: they are shown on request.

    Who asks for a kind, a state or a key has asked.
    """

    title = gettext_lazy("routine")
    parameter_name = "routine"
    asking = ("kind__exact", "state__exact", "q")

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, Any]]:
        return [("shown", gettext_lazy("Shown, too"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        everything, *others = super().choices(changelist)
        yield {**everything, "display": _("Left out once done")}
        yield from others

    def queryset(self, request: HttpRequest, jobs: QuerySet[Job]) -> QuerySet[Job]:
        if self.value() or any(request.GET.get(name) for name in self.asking):
            return jobs
        return jobs.exclude(state=Job.State.DONE, kind__in=settings.OUTBOX_ROUTINE)


@admin.register(Job)
class JobAdmin(ReadOnly):
    """Retry is for dead letters: whoever may change jobs may retry them."""

    list_display = ("kind", "key", "state", "attempts", "short_error", "due_at")
    list_filter = (Routine, "state", "kind", "queue")
    search_fields = ("key", "last_error")
    search_help_text = gettext_lazy("Key or error")
    actions = ("retry_dead_letters",)
    show_full_result_count = False
    change_form_template = "admin/outbox/job/change_form.html"
    fields = (
        ("kind", "key"),
        ("queue", "state", "attempts"),
        ("due_at", "lease_until", "fence"),
        ("created_at", "finished_at"),
        "last_error",
        "shown_payload",
    )
    readonly_fields = ("shown_payload",)

    @admin.display(description=gettext_lazy("last error"))
    def short_error(self, job: Job) -> str:
        return Truncator(job.last_error).chars(80)

    @admin.display(description=gettext_lazy("payload"))
    def shown_payload(self, job: Job) -> str:
        return pretty(job.payload)

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("outbox.change_job")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.retry_one))
        return [path("<int:job_id>/retry/", view, name="outbox_job_retry"), *super().get_urls()]

    def retry_one(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """The button on a dead letter's page."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        self._retry(request, Job.objects.filter(pk=job_id))
        return redirect(reverse("admin:outbox_job_change", args=[job_id]))

    @admin.action(description=gettext_lazy("Retry the chosen dead letters"), permissions=["retry"])
    def retry_dead_letters(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        self._retry(request, jobs)

    def _retry(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        now = timezone.now()
        retried = [job for job in jobs if retry(job_id=job.pk, now=now)]
        for job in retried:
            self.log_change(request, job, _("Retried."))
        if retried:
            message = ngettext("%d job is due again.", "%d jobs are due again.", len(retried))
            self.message_user(request, message % len(retried), messages.SUCCESS)
        else:
            self.message_user(request, _("Nothing to retry: only dead letters can be."), messages.WARNING)
