"""Durable jobs: the row is the job, a Celery message is only a nudge."""
