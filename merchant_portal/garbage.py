"""The garbage collector of a server: what start-up made is never looked at again, the rest seldom.

With the defaults a busy intake spends a tenth of its time, now and then a twentieth of a second at once, on
walking through the models, the settings and the messages that wait, none of which is garbage.
"""

import gc

# New containers until a collection, and younger collections until an older generation's.
SELDOM = (20_000, 20, 20)


def settle() -> None:
    """Call it when everything is imported and made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
