"""A real kernel, driven by its protocol and seen as a front end sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from harness.matrix import spec_name

__all__ = ["Kernel", "Run", "Traffic"]

OUTPUT_TYPES = frozenset({"display_data", "execute_result", "stream", "error"})


@dataclass(kw_only=True)
class Traffic:
    """What came over iopub: every message, and all bytes of its frames."""

    messages: int = 0
    bytes: int = 0


@dataclass(kw_only=True, eq=False)
class Run:
    """One request and all that came back for it; it goes on growing until done."""

    msg_id: str
    code: str
    outputs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    reply: dict[str, Any] | None = None
    idle: bool = False
    clear_next: bool = False

    @property
    def done(self) -> bool:
        """Say whether both the reply and `idle` are there (their order varies)."""
        return self.reply is not None and self.idle

    @property
    def status(self) -> str | None:
        """Give the reply's status: ok, error or aborted; None while it runs."""
        return None if self.reply is None else self.reply["status"]

    @property
    def text(self) -> str:
        """Give all that was printed, stdout and stderr, in order."""
        return "".join(o["text"] for o in self.outputs if o["output_type"] == "stream")

    @property
    def displays(self) -> dict[str, dict[str, Any]]:
        """Give the outputs that have a display id, by it, as they look now."""
        shown = [(o.get("display_id"), o) for o in self.outputs]
        return {display_id: output for display_id, output in shown if display_id}

    def types(self) -> list[str]:
        """List the types of the iopub messages, in order."""
        return [message["header"]["msg_type"] for message in self.messages]


class Kernel:
    """Starts a kernel of one version; no thread: waiting is what reads messages."""

    def __init__(
        self,
        version: str,
        specs: Path,
        *,
        env: Mapping[str, str],
        cwd: Path,
    ) -> None:
        self.version = version
        self.folder = cwd
        self.iopub = Traffic()
        self.runs: dict[str, Run] = {}
        self.comm_messages: list[dict[str, Any]] = []
        self._displayed: dict[str, list[dict[str, Any]]] = {}
        self._log = (cwd / "kernel.log").open("w+")
        finder = KernelSpecManager(kernel_dirs=[str(specs)], ensure_native_kernel=False)
        name = spec_name(version)
        self.manager = KernelManager(kernel_name=name, kernel_spec_manager=finder)
        self.manager.start_kernel(
            env=dict(env), cwd=str(cwd), stdout=self._log, stderr=self._log
        )
        self.client = self.manager.client()
        self.client.start_channels(hb=False)
        self._sockets = {
            channel: getattr(self.client, f"{channel}_channel").socket
            for channel in ("shell", "control", "iopub")
        }
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    # -- running ---------------------------------------------------------------

    def execute(
        self,
        code: str,
        *,
        allow_stdin: bool = True,
        timeout_s: float = 60,
        metadata: Mapping[str, Any] | None = None,
    ) -> Run:
        """Run a cell to its end. ``allow_stdin=False`` is what headless tools send."""
        run = self.queue(code, allow_stdin=allow_stdin, metadata=metadata)
        return self.wait(run, timeout_s=timeout_s)

    def queue(
        self,
        code: str,
        *,
        allow_stdin: bool = True,
        stop_on_error: bool = True,
        metadata: Mapping[str, Any] | None = None,
    ) -> Run:
        """Send a cell and return at once; several may be queued, as by Run All.

        ``metadata={}`` is what a console sends: there is no cell.
        """
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": allow_stdin,
            "stop_on_error": stop_on_error,
        }
        named = {"cellId": "cell"} if metadata is None else metadata
        return self._send("shell", "execute_request", content, code, named)

    def complete(self, code: str, *, timeout_s: float = 60) -> list[str]:
        """Press Tab at the end of the code; return what it may become."""
        name = "complete_request"
        content = {"code": code, "cursor_pos": len(code)}
        run = self.wait(self._send("shell", name, content, code), timeout_s=timeout_s)
        assert run.reply is not None
        start = run.reply["cursor_start"]
        return [code[:start] + match for match in run.reply["matches"]]

    def wait(self, run: Run, *, timeout_s: float = 60) -> Run:
        """Read messages until the run is done, and return it."""
        self.wait_until(lambda: run.done, timeout_s=timeout_s, what=run.code)
        return run

    def wait_until(
        self, condition: Callable[[], object], *, timeout_s: float = 60, what: str = ""
    ) -> None:
        """Read messages until the condition holds."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            left_s = end_s - time.monotonic()
            if left_s <= 0 or not self.manager.is_alive():
                raise TimeoutError(f"after {timeout_s} s: {what}\n{self.log()}")
            self.read(timeout_s=min(left_s, 0.5))

    def interrupt(self) -> None:
        """Send what the ■ button makes the server send: SIGINT."""
        self.manager.interrupt_kernel()

    # -- comms -----------------------------------------------------------------

    def send_comm(
        self,
        comm_id: str,
        data: Mapping[str, Any] | None,
        *,
        buffers: Iterable[bytes] = (),
        subshell_id: str | None = None,
    ) -> Run:
        """Send a comm message as a front end does; its Run is done at `idle`.

        None: it has no data, which no front end does.
        """
        content: dict[str, Any] = {"comm_id": comm_id}
        if data is not None:
            content["data"] = dict(data)
        return self._send(
            "shell",
            "comm_msg",
            content,
            f"comm_msg {comm_id}",
            buffers=list(buffers),
            subshell_id=subshell_id,
        )

    def open_comm(self, comm_id: str, target: str, data: Mapping[str, Any]) -> Run:
        """Open a comm from the front end's side."""
        content = {"comm_id": comm_id, "target_name": target, "data": dict(data)}
        return self._send("shell", "comm_open", content, f"comm_open {comm_id}")

    def create_subshell(self, *, timeout_s: float = 60) -> str:
        """Make a subshell, as JupyterLab does for widgets on ipykernel 7."""
        name = "create_subshell_request"
        run = self._send("control", name, {}, name)
        self.wait_until(lambda: run.reply, timeout_s=timeout_s, what=name)
        assert run.reply is not None
        return str(run.reply["subshell_id"])

    # -- reading ---------------------------------------------------------------

    def read(self, *, timeout_s: float = 0) -> int:
        """Read what is there, waiting at most ``timeout_s`` for the first message."""
        poller = zmq.Poller()
        for socket in self._sockets.values():
            poller.register(socket, zmq.POLLIN)
        count = 0
        ready = dict(poller.poll(timeout_s * 1000))
        while ready:
            for channel, socket in self._sockets.items():
                if socket in ready:
                    self._take(channel, socket.recv_multipart())
                    count += 1
            ready = dict(poller.poll(0))
        return count

    def log(self) -> str:
        """Give what the kernel process itself wrote (not what cells print)."""
        self._log.flush()
        return Path(self._log.name).read_text()

    def close(self) -> None:
        """Kill the kernel and close every socket."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.client.context.destroy(linger=0)
        self._log.close()

    # -- inner -----------------------------------------------------------------

    def _wait_ready(self) -> None:
        """Ask until iopub answers too: its subscription may lag behind the shell."""
        name = "kernel_info_request"
        for _ in range(60):
            asked = self._send("shell", name, {}, name)
            self.wait_until(lambda run=asked: run.reply, timeout_s=60, what=name)
            self.read(timeout_s=1)
            if asked.idle:
                break
        self.iopub = Traffic()

    def _send(
        self,
        channel: str,
        msg_type: str,
        content: dict[str, Any],
        code: str,
        metadata: Mapping[str, Any] | None = None,
        *,
        buffers: list[bytes] | None = None,
        subshell_id: str | None = None,
    ) -> Run:
        session = self.client.session
        message = session.msg(msg_type, content, metadata=dict(metadata or {}))
        if subshell_id is not None:
            message["header"]["subshell_id"] = subshell_id
        run = Run(msg_id=message["header"]["msg_id"], code=code)
        self.runs[run.msg_id] = run
        if msg_type.startswith("comm_"):  # comm messages have no reply
            run.reply = {"status": "ok"}
        session.send(self._sockets[channel], message, buffers=buffers)
        return run

    def _take(self, channel: str, frames: list[bytes]) -> None:
        session = self.client.session
        _, parts = session.feed_identities(frames)
        message = session.deserialize(parts)
        run = self.runs.get(message["parent_header"].get("msg_id", ""))
        if channel == "iopub":
            self.iopub.messages += 1
            self.iopub.bytes += sum(map(len, frames))
            self._take_iopub(message, run)
        elif run is not None:
            run.reply = message["content"]

    def _take_iopub(self, message: dict[str, Any], run: Run | None) -> None:
        msg_type, content = message["header"]["msg_type"], message["content"]
        if msg_type.startswith("comm_"):
            self.comm_messages.append(message)
        if msg_type == "update_display_data":  # wherever that display is shown
            for output in self._displayed.get(content["transient"]["display_id"], []):
                output.update(data=content["data"], metadata=content["metadata"])
        if run is None:
            return
        run.messages.append(message)
        if msg_type == "status":
            run.idle = content["execution_state"] == "idle"
        elif msg_type == "clear_output":
            run.clear_next = content["wait"]
            if not content["wait"]:
                run.outputs.clear()
        elif msg_type in OUTPUT_TYPES:
            self._show(msg_type, content, run)

    def _show(self, msg_type: str, content: dict[str, Any], run: Run) -> None:
        if run.clear_next:
            run.clear_next = False
            run.outputs.clear()
        last = run.outputs[-1] if run.outputs else {}
        if msg_type == "stream" and last.get("name") == content["name"]:
            last["text"] += content["text"]
            return
        output = {"output_type": msg_type, **content}
        display_id = output.pop("transient", {}).get("display_id")
        if display_id:
            output["display_id"] = display_id
            self._displayed.setdefault(display_id, []).append(output)
        run.outputs.append(output)
