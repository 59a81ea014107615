"""Random chaos: 300 jobs and 20 kills in the short form, 2,000 and 200 with `--long`."""

import pytest

from ops.stack import StackHandle
from tests.chaos.driver import Driver, Plan
from tests.ring import Ring

SHORT = Plan(jobs=300, kills=20, freezes=3, flushes=1, crashes=1)
LONG = Plan(jobs=2_000, kills=200, freezes=20, flushes=3, crashes=1)


@pytest.mark.timeout(1_800)
async def test_nothing_is_lost_and_nobody_is_charged_twice(
    lasting_ring: Ring, lasting_stack: StackHandle, long_form: bool, seed: int
) -> None:
    driver = Driver(lasting_ring, lasting_stack, LONG if long_form else SHORT, seed)
    await driver.run()
    print(driver.report())
    await driver.check()
