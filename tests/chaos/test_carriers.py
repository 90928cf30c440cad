"""Some hundred orders look for carriers while workers die and freeze and Redis is emptied.

`make chaos` is the same with 100,000.
"""

import pytest

from tests.chaos.carriage.run import Plan, run
from tests.chaos.carriage.storm import Weather
from tests.chaos.carriage.works import CHILDREN, THREADS
from tests.chaos.conftest import SEED

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]
# Everything once or more in the time of one freeze that is longer than a hand-off's lease.
SQUALL = Weather(freeze_every=60, frozen=(15.5, 15.8), tired_every=1, tired=0.3, redis_dies_every=7)

DONE = ("workers killed", "workers frozen", "Redis emptied", "called off by people")


def test_no_order_ever_has_two_carriers_and_none_is_forgotten():
    pools = (THREADS, CHILDREN, THREADS)
    plan = Plan(orders=200, least=16.0, lease=10, patience=300.0, pools=pools, weather=SQUALL)

    result = run(plan, seed=SEED, say=print)

    assert result.faults == [], "\n".join(result.lines())
    assert min(result.done[what] for what in DONE) > 0
