"""Forgetting what riders reported: the words and the photo go, that there was a problem stays."""

from datetime import datetime

from couriers.models import RiderReport
from outbox.retention import old_rows


def forget_reports(*, before: datetime) -> int:
    """Take note and photo from reports older than `before`; returns how many had one."""
    told = RiderReport.objects.exclude(note="", photo=None)
    return sum(
        told.filter(pk__in=old).update(note="", photo=None)
        for old in old_rows(told, clock="at", before=before)
    )
