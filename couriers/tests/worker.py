"""A worker process for tests that kill it: runs the due jobs of searches, couriers and prices once."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
    django.setup()
    from outbox.runner import drain

    for queue in ("searches", "couriers", "prices"):
        drain(queue=queue, seconds=30)
