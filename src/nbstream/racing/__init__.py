"""Several streams side by side: who answers first, and what.

replies = nbstream.race({"one": lambda: ..., "other": lambda: ...})
nbstream.plot(replies)
"""

from nbstream.racing.race import race
from nbstream.racing.result import Race, RaceStopped, last_race

__all__ = ["Race", "RaceStopped", "last_race", "race"]
