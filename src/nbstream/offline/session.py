"""Point this process's SDKs at the one embedded offline server, or at the real ones."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path

from nbstream.errors import UsageError
from nbstream.offline.exchange import check_speed
from nbstream.offline.server import Server, Transport, check_transport


class Borrowed:
    """Variables we have set, with what they were before.

    A variable that somebody has changed since is theirs again: its new value is what
    counts as real, and it is not put back.
    """

    def __init__(self) -> None:
        self._was: dict[str, str | None] = {}
        self._ours: dict[str, str | None] = {}

    def set(self, values: Mapping[str, str | None]) -> None:
        """Set variables; ``None`` unsets one."""
        for name, value in values.items():
            self._was[name] = self.real(name)
            self._ours[name] = value
            _put(name, value)

    def real(self, name: str) -> str | None:
        """Return a variable as it is without us."""
        current = os.environ.get(name)
        if name in self._ours and current == self._ours[name]:
            return self._was[name]
        return current

    def give_back(self) -> None:
        """Put back every variable that still has our value."""
        for name in list(self._ours):
            real = self.real(name)
            if real != os.environ.get(name):
                _put(name, real)
        self._was.clear()
        self._ours.clear()


def _put(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


#: Plainly no key: a client must have one, and it must not look like a secret.
FAKE_KEY = "nbstream-offline-not-a-key"

_KEYS = {
    "OpenAI": ("OPENAI_API_KEY",),
    "Anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "Google": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
_BASE_URLS = {
    "OpenAI": ("OPENAI_BASE_URL", "openai.chat"),
    "Anthropic": ("ANTHROPIC_BASE_URL", "anthropic.messages"),
    "Google": ("GOOGLE_GEMINI_BASE_URL", "google.generate_content"),
}
#: Settings that would lead a client elsewhere, or make it warn of two keys.
_UNSET = {
    "OpenAI": ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
    "Anthropic": (
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_CUSTOM_HEADERS",
    ),
    "Google": (
        "GOOGLE_API_KEY",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_GENAI_USE_ENTERPRISE",
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_CLOUD_LOCATION",
    ),
}
_LOOPBACK = ("127.0.0.1", "localhost")
#: Variables that are of no use while nothing leaves the machine.
_PROXIES = [
    name
    for what in ("all", "http", "https")
    for name in (f"{what}_proxy", f"{what}_PROXY".upper())
]

_lock = threading.Lock()
_borrowed = Borrowed()
_server = Server()


def use(
    *,
    live: bool | None = None,
    speed: float | None = None,
    transport: Transport | None = None,
) -> Server | None:
    """Let the SDKs of this process talk to the embedded server; say so in one line.

    Clients made from now on are answered from scenarios: no key, no network. A
    provider stays real only if that is asked for (``live=True``, or ``NBSTREAM_LIVE=1``
    and ``live`` not given) and its key is there. It may be called again, with other
    arguments too.

    Args:
        live: Ask for the real providers; ``None`` leaves it to ``NBSTREAM_LIVE``.
        speed: 1 is a model's pace, 2 twice as fast, 0 no waiting; ``None`` leaves it
            to ``NBSTREAM_SPEED``.
        transport: ``"socket"``, a port of this machine, or ``"memory"``, none: see
            ``Server``. ``None`` is the first, or in a page the other.

    Returns:
        The server, or ``None`` where every provider is live.
    """
    wanted = _live_from_env() if live is None else live
    with _lock:
        _server.speed = None if speed is None else check_speed(speed)
        _server.play()
        if _server.transport != (wanted_transport := check_transport(transport)):
            _server.stop()
            _server.transport = wanted_transport
        real = [name for name in _KEYS if wanted and _has_key(name)]
        scripted = [name for name in _KEYS if name not in real]
        _switch(scripted)
    print(_line(real, scripted, asked=wanted))  # noqa: T201 - the one line promised
    return _server if scripted else None


def play(*recordings: str | PathLike[str], speed: float | None = None) -> Server:
    """Let the SDKs of this process get the answers of recordings; say so in one line.

        nbstream.offline.play("lesson.rec")

    Byte for byte what `nbstream.record` took down, at its own pace. A request finds
    its recording by API, model and body, or else by its last user text; where none
    fits, the error shows the nearest. ``use()`` goes back to scenarios.

    Args:
        recordings: One or more files.
        speed: 1 is the pace of the recording, 2 twice as fast, 0 no waiting; ``None``
            leaves it to ``NBSTREAM_SPEED``.

    Raises:
        UsageError: no file is named, or one is no recording or damaged.
    """
    if not recordings:
        raise UsageError('play needs a recording, such as play("lesson.rec")')
    with _lock:
        _server.speed = None if speed is None else check_speed(speed)
        _server.play(*recordings)
        _switch(list(_KEYS))
    names = ", ".join(Path(recording).name for recording in recordings)
    print(f"nbstream: offline. Answers are played from {names}: no key, no network.")  # noqa: T201
    return _server


def _switch(scripted: Sequence[str]) -> None:
    """Point these providers at the server and give the others back."""
    _borrowed.give_back()
    if not scripted:
        _server.stop()
        return
    _server.start()
    atexit.register(stop)
    for name in scripted:
        _point(name)
    _borrowed.set(_without_proxy())
    if len(scripted) == len(_KEYS):  # a client refuses one that it does not know
        _borrowed.set(dict.fromkeys(_PROXIES))


def stop() -> None:
    """End the embedded server and put the environment back as it was."""
    with _lock:
        _borrowed.give_back()
        _server.play()
        _server.clear_faults()
        _server.stop()
        _server.transport = check_transport(None)
        atexit.unregister(stop)


#: On the embedded server.
fault = _server.fault
clear_faults = _server.clear_faults


def _live_from_env() -> bool:
    said = os.environ.get("NBSTREAM_LIVE", "").strip().lower()
    return said in {"1", "true", "yes", "on"}


def _has_key(provider: str) -> bool:
    keys = (_borrowed.real(name) for name in _KEYS[provider])
    return any(key and key != FAKE_KEY for key in keys)


def _point(provider: str) -> None:
    variable, api = _BASE_URLS[provider]
    _borrowed.set(dict.fromkeys(_UNSET[provider]))
    _borrowed.set({variable: _server.base_url(api), _KEYS[provider][0]: FAKE_KEY})


def _without_proxy() -> dict[str, str | None]:
    """Keep the loopback off any proxy; the lower-case variable wins where both are."""
    lower, upper = (_borrowed.real(name) for name in ("no_proxy", "NO_PROXY"))
    return {
        "no_proxy": _with_loopback(lower or upper),
        "NO_PROXY": _with_loopback(upper or lower),
    }


def _with_loopback(hosts: str | None) -> str:
    listed = [host.strip() for host in (hosts or "").split(",") if host.strip()]
    listed = [host for host in listed if "[" not in host]  # httpx reads a port in it
    return ",".join([*listed, *(host for host in _LOOPBACK if host not in listed)])


def _line(real: Iterable[str], scripted: Iterable[str], *, asked: bool) -> str:
    """Write the one line: no port and no path, so that it is always the same."""
    ours, theirs = ", ".join(scripted), ", ".join(real)
    if not theirs and asked:
        return (
            "nbstream: offline. Live was asked for, but no key is set: "
            "answers are scripted, no network."
        )
    if not theirs:
        return "nbstream: offline. Answers are scripted: no key, no network."
    if not ours:
        return f"nbstream: live. {theirs} answer, with your keys and at your cost."
    return (
        f"nbstream: live for {theirs}, with your keys and at your cost; "
        f"offline for {ours}: answers are scripted."
    )
