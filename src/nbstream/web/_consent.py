"""Consent to tool calls, which a client that keeps the conversation itself may give."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping

from nbstream.tool_runs import Consents
from nbstream.web._messages import Approval

#: So many approvals that were used are remembered, so that none is used twice; and of
#: so many conversations what was asked last.
_KEPT = 10_000


class Consent(Consents):
    """Consent to tool calls, given by a client that keeps the conversation itself.

    The request for it is signed: what comes back allows the very call that was shown,
    with its arguments, in its conversation, once, and until something else is asked
    there. The last two are known to this process alone.
    """

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self.attached = True  # somebody may be asked, in the next request
        self.one_by_one = None  # that request has all the answers
        self._secret = secret
        self._used: OrderedDict[str, str] = OrderedDict()
        self._latest: OrderedDict[str, str] = OrderedDict()

    def begin(self, chat: str) -> str:
        """Return what marks the questions of an answer: those before it are void."""
        answer = secrets.token_hex(8)
        if chat:
            _keep(self._latest, chat, answer)
        return answer

    def sign(
        self, chat: str, answer: str, id_: str, name: str, arguments: object
    ) -> str:
        """Return the id of the approval that allows a call."""
        text = json.dumps([chat, answer, id_, name, _plain(arguments)], sort_keys=True)
        signed = hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
        return f"{answer}.{signed}"

    def allows(self, chat: str, approval: Approval) -> bool:
        """Tell whether a call was allowed: by us, as it is, and not answered before."""
        call, answer = approval.call, approval.id.partition(".")[0]
        own = self.sign(chat, answer, call.id, call.name, json.loads(call.arguments))
        if not hmac.compare_digest(own.encode(), approval.id.encode()):
            return False
        if own in self._used or self._latest.get(chat, answer) != answer:
            return False
        _keep(self._used, own, "")
        return approval.approved

    async def ask(self, key: str) -> bool | None:
        """Wait: the answer comes with another request, and this one ends before."""
        await asyncio.get_running_loop().create_future()
        return None


def _keep(known: OrderedDict[str, str], key: str, value: str) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > _KEPT:
        known.popitem(last=False)


def _plain(value: object) -> object:
    """Return JSON as it is after JavaScript: 1.0 is 1 there."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
