"""A worker process for tests that kill it: runs the couriers' due jobs once."""

import os

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "merchant_portal.settings")
    django.setup()
    from outbox.runner import drain

    drain(queue="couriers", seconds=30)
