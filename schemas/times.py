"""A moment as the outside may name it: with its zone, and within the years that every layer can count in.

Python knows the years 1 to 9999 and cannot move their ends to UTC; PostgreSQL's driver cannot send them.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
PROBLEM: Final = f"a time lies between the years {EARLIEST.year} and {LATEST.year}"


def within_bounds(moment: datetime) -> datetime:
    """The same moment. Raises ValueError outside of [EARLIEST, LATEST); `moment` has a zone."""
    if not EARLIEST <= moment < LATEST:
        raise ValueError(PROBLEM)
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(within_bounds)]
