"""What must be so once the site is loaded, before its first request."""

import subprocess
import sys

from django.conf import settings

LOADED = """
import merchant_portal.asgi
from channels.layers import channel_layers
print(sorted(channel_layers.backends))
"""


def test_the_channel_layer_is_made_before_two_threads_could_make_one_each():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=settings.BASE_DIR, check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout == "['default']\n"
