"""Consent to tool calls, which a client that keeps the conversation itself may give."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import OrderedDict
from collections.abc import Mapping

from nbstream.tool_runs import Consents
from nbstream.web._messages import Approval

#: So many approvals that were used are remembered, so that none is used twice.
_USED = 10_000


class Consent(Consents):
    """Consent to tool calls, given by a client that keeps the conversation itself.

    The request for it is signed: what comes back allows the very call that was shown,
    with its arguments, in its conversation, and once.
    """

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self.attached = True  # somebody may be asked, in the next request
        self._secret = secret
        self._used: OrderedDict[str, None] = OrderedDict()

    def sign(self, chat: str, id_: str, name: str, arguments: object) -> str:
        """Return the id of the approval that allows a call."""
        text = json.dumps([chat, id_, name, _plain(arguments)], sort_keys=True)
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()

    def allows(self, chat: str, approval: Approval) -> bool:
        """Tell whether a call was allowed: by us, as it is, and not used before."""
        call = approval.call
        own = self.sign(chat, call.id, call.name, json.loads(call.arguments))
        if not approval.approved or not hmac.compare_digest(own, approval.id):
            return False
        if own in self._used:
            return False
        self._used[own] = None
        while len(self._used) > _USED:
            self._used.popitem(last=False)
        return True

    async def ask(self, key: str) -> bool | None:
        """Wait: the answer comes with another request, and this one ends before."""
        await asyncio.get_running_loop().create_future()
        return None


def _plain(value: object) -> object:
    """Return JSON as it is after JavaScript: 1.0 is 1 there."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
