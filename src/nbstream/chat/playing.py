"""The answer that is under way, and what a hand needs to stop it or to consent."""

from dataclasses import dataclass

from nbstream._stop import Stop
from nbstream.chat.transcript import Exchange
from nbstream.tool_runs import Consents

__all__ = ["Playing"]


@dataclass(frozen=True, slots=True)
class Playing:
    """One exchange that is being played, or was: see ``exchange.reply``."""

    exchange: Exchange
    stop: Stop
    consents: Consents
