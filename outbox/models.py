"""One table: the jobs that must happen after a commit."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """Something to do outside the database, written in the transaction that makes it necessary.

    `key` makes it unique within its kind. `fence` grows with every claim: only the holder of the
    latest fence may write the outcome back. A dead job waits for a person to retry it. `lane` says whose door
    it goes through ("dada/3", see `outbox.lanes`); "" if through nobody's.
    """

    class State(models.TextChoices):
        DUE = "due", _("Due")
        DONE = "done", _("Done")
        DEAD = "dead", _("Dead letter")

    kind = models.CharField(_("kind"), max_length=40)
    key = models.CharField(_("key"), max_length=100)
    queue = models.CharField(_("queue"), max_length=40)
    lane = models.CharField(_("lane"), max_length=40, blank=True, default="", db_default="")
    payload = models.JSONField(_("payload"), default=dict)
    state = models.CharField(_("state"), max_length=5, choices=State, default=State.DUE, db_default=State.DUE)
    due_at = models.DateTimeField(_("due at"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, db_default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True)
    fence = models.PositiveIntegerField(_("fence"), default=0, db_default=0)
    last_error = models.TextField(_("last error"), blank=True, db_default="")
    created_at = models.DateTimeField(_("created at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="job_kind_key_unique")]
        indexes = [
            models.Index(fields=["queue", "due_at"], condition=Q(state="due"), name="job_due"),
            models.Index(fields=["-id"], condition=Q(state="dead"), name="job_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
