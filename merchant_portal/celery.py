"""The Celery application; tasks live in each app's `tasks.py`."""

import os

from celery import Celery
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")

# A message that was not begun when a worker loses Redis, or ends, need not be put back: the sweeper finds
# what there is to do. Kombu would try each, and leave them in a file of its own where it cannot.
Channel.do_restore = False

app = Celery("merchant_portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
