"""The hands of Stop: what each kernel delivers while a cell blocks, and how."""

import threading
import time

import pytest
from harness.live import PAUSE, release
from harness.matrix import OTHER_VERSIONS

from nbstream._stop import Stop
from nbstream.screens.kernel_messages import PRIVATE, hook, pump, watch
from nbstream.screens.stop_button import LATE_S, StopButton

# -- without a kernel ------------------------------------------------------------------


class FakeButton:
    """A widget whose messages are noted, and whose clock stands still until told."""

    def __init__(self, comm=None):
        self.block = 0
        self.comm = comm
        self.sent = []
        self.callbacks = []
        self.now_s = 100.0

    def send(self, content):
        self.sent.append(content)

    def on_msg(self, callback, remove=False):
        (self.callbacks.remove if remove else self.callbacks.append)(callback)

    def clock(self):
        return self.now_s

    def hears(self, content):
        for callback in self.callbacks:
            callback(self, content, [])


@pytest.fixture
def button():
    return FakeButton()


@pytest.fixture
def stop():
    return Stop()


@pytest.fixture
def hands(button, stop):
    return StopButton(button, stop, clock=button.clock)


def block(button, hands):
    """Let a cell block so long that the view is told."""
    hands.look()
    button.now_s += 0.06
    hands.look()


def test_a_click_raises_the_flag_and_is_acknowledged(button, stop, hands):
    """However often the same click is delivered, the flag is up and the view knows."""
    button.hears({"kind": "stop"})
    button.hears({"kind": "stop"})

    assert stop.by == "button"
    assert button.sent == [{"kind": "ack"}, {"kind": "ack"}]


STRANGE = {
    "nothing": None,
    "a string": "stop",
    "a list": ["stop"],
    "another kind": {"kind": "resync"},
    "a kind that is no text": {"kind": {"kind": "stop"}},
    "a greeting without a number": {"kind": "hello"},
    "a greeting with another's number": {"kind": "hello", "block": 7},
}


@pytest.mark.parametrize("content", STRANGE.values(), ids=STRANGE)
def test_other_messages_do_nothing(button, stop, hands, content):
    """What is not for Stop neither stops nor raises."""
    button.hears(content)

    assert (stop.by, button.sent) == (None, [])


def test_a_block_is_told_and_ended(button, hands):
    """A cell that blocks longer than a moment is numbered; each block anew."""
    seen = [button.block]
    for _ in range(2):
        hands.look()
        seen.append(button.block)
        button.now_s += 0.06
        hands.look()
        seen.append(button.block)
        hands.release()
        seen.append(button.block)

    assert seen == [0, 0, 1, 0, 0, 2, 0]


def test_who_greets_in_time_is_heard(button, hands):
    """Every page's greeting of this block is answered; those of another one are not."""
    button.hears({"kind": "hello", "block": 0})
    block(button, hands)
    button.hears({"kind": "hello", "block": 2})
    button.hears({"kind": "hello", "block": 1})
    button.hears({"kind": "hello", "block": 1})

    assert button.sent == [{"kind": "heard", "block": 1}] * 2


def test_an_unheard_view_may_be_late(button, hands):
    """Only where the view may have interrupted does the cell wait for it."""
    block(button, hands)
    unheard = hands.release()
    button.now_s += LATE_S / 2
    later = hands.release()
    block(button, hands)
    button.hears({"kind": "hello", "block": 2})
    heard = hands.release()

    assert unheard == pytest.approx(LATE_S)
    assert later == pytest.approx(LATE_S / 2)
    assert heard == 0.0


def test_a_short_block_waits_for_no_one(button, hands):
    """Nobody was told that a cell blocks, so nobody interrupts it."""
    hands.look()

    assert hands.release() == 0.0


def test_after_the_end_no_block_is_told(button, hands):
    """The last word is `end`, said once, and what blocks then is another's."""
    block(button, hands)
    hands.over()
    block(button, hands)
    hands.close()

    assert (button.block, button.sent) == (0, [{"kind": "end"}])
    assert button.callbacks == []


def test_a_click_that_waits_explains_the_interrupt(button, stop, hands):
    """Where both have come, the button was the hand, and the queue goes on."""
    stop.set("interrupt")
    stop.set("button")
    stop.set("interrupt")

    assert stop.by == "button"


def test_only_the_main_thread_looks(button, stop, hands):
    """A stream in the background blocks no cell: no look, no number."""

    def both():
        stop.look()
        button.now_s += 1
        stop.look()

    thread = threading.Thread(target=both)
    thread.start()
    thread.join(5)
    aside = button.block
    both()

    assert (aside, button.block) == (0, 1)


class Comm74:
    """A comm as ipykernel 7.4 has it: a method that says where a message goes."""

    def _reply_subshell_for(self, data, default):
        return "the busy one"


CLICK = {"method": "custom", "content": {"kind": "stop"}}


def test_the_hook_looks_and_changes_no_route():
    """The message goes where its header says; afterwards the comm is as it was."""
    comm, seen = Comm74(), []
    undo = hook(comm, seen.append)
    route = comm._reply_subshell_for(CLICK, "header's")
    update = comm._reply_subshell_for({"method": "update", "state": {}}, None)
    undo()
    undo()

    assert (route, update, seen) == ("header's", None, [{"kind": "stop"}])
    assert comm._reply_subshell_for(CLICK, "header's") == "the busy one"


def test_without_the_private_name_there_is_no_hook():
    """A comm of another version is left alone."""
    comm = FakeButton()
    before = dict(vars(comm))
    hook(comm, print)()

    assert vars(comm) == before


def test_without_a_kernel_there_is_no_pump():
    """Outside a kernel nothing is looked at, and nothing is to be undone."""
    assert pump() is None
    assert watch(FakeButton(), print)() is None


# -- in real kernels -------------------------------------------------------------------

SETUP = """\
import time
import anywidget, traitlets
from IPython.display import display
import nbstream, nbstream._show
from nbstream.screens.stop_button import StopButton

class View(anywidget.AnyWidget):
    _esm = "export default {render() {}}"
    block = traitlets.Int(0).tag(sync=True)

class Screen:
    in_the_cell = False
    def __init__(self, stop):
        self.stop = stop
    def open(self, reply):
        self.view = View()
        self.hands = StopButton(self.view, self.stop)
        self.handle = display(self.view, display_id=True)
    def interval_s(self):
        return 0.05
    def update(self, reply):
        self.view.send({"kind": "frame", "text": reply.text})
    def close(self, reply):
        self.handle.update({"text/plain": reply.text + reply.outcome}, raw=True)
        self.hands.close()
        self.view.close()

nbstream._show.choose = lambda view, stop, **more: Screen(stop)
def words(n=3, wait_s=0.1, then_s=90):
    for i in range(n):
        yield f"word{i} "
        time.sleep(wait_s)
    time.sleep(then_s)
heard = []
other = View()
other.on_msg(lambda *message: heard.append(message[1]))
"""
#: Long before a stream that is not stopped would end; short on no machine.
SOON_S = 45
DEAF = "import nbstream.screens.stop_button as b; b.watch = lambda *_: lambda: None"
#: Which kernel hears a click in a blocking cell: by itself, or over a subshell; or not,
#: because it is not made as we know it.
HEARS = {
    "6.31.0": {"main": True},
    "7.3.0": {"main": True, "subshell": True, "deaf": False},
    "7.4.0": {"main": True, "subshell": True},
    "6.17.1": {"main": True},
    "6.29.5": {"main": True},
    "7.0.1": {"main": True, "subshell": True},
    "7.1.0": {"main": True, "subshell": True},
}
CASES = {
    f"{version}-{shell}": (version, shell)
    for version, shells in HEARS.items()
    for shell in shells
}
HEARING = {name: case for name, case in CASES.items() if HEARS[case[0]][case[1]]}
kernel_test = pytest.mark.kernel


@pytest.fixture
def ready(start_kernel, request):
    """A kernel in which a stream has a button; and the subshell of its clicks."""
    version, shell = request.param
    kernel = start_kernel(version)
    kernel.shell = kernel.create_subshell() if shell == "subshell" else None
    kernel.hears = HEARS[version][shell]
    made = kernel.execute(SETUP + DEAF * (shell == "deaf"))
    assert (made.status, made.outputs) == ("ok", [])
    kernel.comm_messages.clear()
    return kernel


def on(cases):
    marked = [
        pytest.param(case, marks=[pytest.mark.place] * (case[0] in OTHER_VERSIONS))
        for case in cases.values()
    ]
    return pytest.mark.parametrize("ready", marked, ids=list(cases), indirect=True)


def from_kernel(kernel, kind, comm=None):
    """List the custom messages of one kind that a view got, or any view, in order."""
    bodies = [message["content"] for message in kernel.comm_messages]
    datas = [b.get("data", {}) for b in bodies if comm in (None, b["comm_id"])]
    contents = [data.get("content") or {} for data in datas]
    return [content for content in contents if content.get("kind") == kind]


def blocks(kernel):
    """List the values that `block` has had, in order."""
    datas = [message["content"].get("data", {}) for message in kernel.comm_messages]
    states = [data.get("state", {}) for data in datas]
    return [state["block"] for state in states if "block" in state]


def comm_of(kernel):
    """Wait for the view; return the id of its comm."""

    def opened():
        return [
            message["content"]["comm_id"]
            for message in kernel.comm_messages
            if message["header"]["msg_type"] == "comm_open"
            and "_anywidget_id" in message["content"]["data"]["state"]
        ]

    kernel.wait_until(opened, timeout_s=SOON_S, what="the view")
    return opened()[-1]


def say(kernel, content, comm_id=None):
    return kernel.send_comm(
        comm_id or comm_of(kernel),
        {"method": "custom", "content": content},
        subshell_id=kernel.shell,
    )


def wait_text(kernel):
    """Wait until the newest view is written in: before that it hears nothing."""
    kernel.wait_until(
        lambda: from_kernel(kernel, "frame", comm_of(kernel)),
        timeout_s=SOON_S,
        what="text",
    )


@kernel_test
@on(HEARING)
def test_a_click_ends_a_blocking_cell(ready):
    """It ends normally, with its text; what was queued runs, in order and place.

    A message before it that is not formed is nobody's, and keeps nobody from looking.
    """
    run = ready.queue("reply = nbstream.show(words())")
    behind = [ready.queue(f"print({i}, reply.outcome)") for i in range(5)]
    wait_text(ready)
    ready.send_comm(comm_of(ready), None, subshell_id=ready.shell)
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)
    for each in behind:
        ready.wait(each, timeout_s=SOON_S)
    (output,) = run.outputs

    assert run.status == "ok"
    assert output["data"]["text/plain"].startswith("word0 ")
    assert output["data"]["text/plain"].endswith("stopped")
    assert [each.text for each in behind] == [f"{i} stopped\n" for i in range(5)]
    assert from_kernel(ready, "ack")[:1] == [{"kind": "ack"}]
    assert from_kernel(ready, "end") == [{"kind": "end"}]


@kernel_test
@on(HEARING)
def test_what_waits_is_left_as_it_is(ready):
    """Cells of any size and other widgets' messages: each once, in order, in place."""
    run = ready.queue("reply = nbstream.show(words())")
    comm_id = comm_of(ready)
    big = "x" * 100_000
    behind = [ready.queue(f"print({i})  # {comm_id} {big}") for i in range(10)]
    wait_text(ready)
    say(ready, {"kind": "resync"})
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)
    for each in behind:
        ready.wait(each, timeout_s=SOON_S)

    assert [each.text for each in behind] == [f"{i}\n" for i in range(10)]
    assert ready.log().count("Duplicate") == 0


@kernel_test
@on(HEARING)
def test_another_widgets_message_is_handled_once(ready):
    """The look takes nothing from others: their callbacks run once, after the cell."""
    other = ready.execute("print(other.model_id)").text.strip()
    run = ready.queue("reply = nbstream.show(words())")
    wait_text(ready)
    for number in (1, 2, 3):
        ready.send_comm(other, {"method": "custom", "content": {"number": number}})
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)
    after = ready.execute("print([message['number'] for message in heard])")

    assert after.text == "[1, 2, 3]\n"


@kernel_test
@on(HEARING)
def test_two_streams_are_stopped_one_by_one(ready):
    """One in the background, one that blocks: each button is its own stream's."""
    ready.execute("live = nbstream.start(words())")
    wait_text(ready)
    first = comm_of(ready)
    run = ready.queue("reply = nbstream.show(words())")
    behind = ready.queue("print(live.reply.outcome, reply.outcome)")
    ready.wait_until(lambda: comm_of(ready) != first, timeout_s=SOON_S, what="a view")
    wait_text(ready)
    say(ready, {"kind": "stop"}, first)
    ready.wait_until(lambda: from_kernel(ready, "end"), timeout_s=SOON_S, what="an end")
    blocking = run.reply is None
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)
    ready.wait(behind, timeout_s=SOON_S)

    assert blocking
    assert behind.text == "stopped stopped\n"


@kernel_test
@on(HEARING)
def test_an_awaiting_cell_is_stopped_too(ready):
    """`await nbstream.start(...)`: the same click, the same end."""
    run = ready.queue("reply = await nbstream.start(words())")
    behind = ready.queue("print(reply.outcome)")
    wait_text(ready)
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)
    ready.wait(behind, timeout_s=SOON_S)

    assert (run.status, behind.text) == ("ok", "stopped\n")


@kernel_test
@on(CASES)
def test_a_stream_in_the_background_is_stopped(ready):
    """Every kernel hears the plain message while no cell runs."""
    run = ready.execute("live = nbstream.start(words())")
    wait_text(ready)
    say(ready, {"kind": "stop"})
    ready.wait_until(
        lambda: from_kernel(ready, "end"), timeout_s=SOON_S, what="the end"
    )
    after = ready.execute("print(live.result().outcome)")

    assert (run.status, after.text) == ("ok", "stopped\n")
    assert blocks(ready) == [0]


@kernel_test
@on(HEARING)
def test_a_wait_for_the_background_is_a_block(ready):
    """`live.result()` blocks as `show` does; a click ends it."""
    ready.execute("live = nbstream.start(words())")
    run = ready.queue("print(live.result().outcome)")
    ready.wait_until(lambda: 1 in blocks(ready), timeout_s=SOON_S, what="the block")
    say(ready, {"kind": "stop"})
    ready.wait(run, timeout_s=SOON_S)

    assert (run.status, run.text) == ("ok", "stopped\n")
    assert blocks(ready) == [0, 1, 0]


@kernel_test
@on(CASES)
def test_a_kernel_says_whether_it_hears(ready):
    """A greeting is answered while the cell blocks, or not at all."""
    ready.execute(PAUSE)
    run = ready.queue("reply = nbstream.show(held(words(then_s=0), 'word2'))")
    ready.wait_until(lambda: 1 in blocks(ready), timeout_s=SOON_S, what="the block")
    say(ready, {"kind": "hello", "block": 1})
    if ready.hears:
        ready.wait_until(lambda: from_kernel(ready, "heard"), timeout_s=SOON_S)
    else:
        end_s = time.monotonic() + 0.5  # in which it does not answer
        ready.wait_until(lambda: time.monotonic() > end_s)
    release(ready, "word2")
    ready.wait(run, timeout_s=SOON_S)
    ready.execute("pass")

    heard = {each["block"] for each in from_kernel(ready, "heard")}

    assert heard == ({1} if ready.hears else set())
    assert blocks(ready) == [0, 1, 0]


@kernel_test
@on(CASES)
def test_the_toolbars_interrupt_is_not_the_button(ready):
    """■ alone keeps the text, raises `Stopped`, and what is queued does not run."""
    run = ready.queue("nbstream.show(words())")
    behind = ready.queue("print('never')")
    wait_text(ready)
    ready.interrupt()
    ready.wait(run, timeout_s=SOON_S)
    ready.wait_until(lambda: behind.reply)

    assert (run.outputs[-1]["ename"], behind.status) == ("Stopped", "aborted")


@kernel_test
@on(HEARING)
def test_an_interrupt_after_a_click_is_the_buttons(ready):
    """A view that got no answer interrupts as well: the cell still ends normally."""
    run = ready.queue("reply = nbstream.show(words())")
    behind = ready.queue("print(reply.outcome)")
    wait_text(ready)
    say(ready, {"kind": "stop"})
    ready.interrupt()
    ready.wait(run, timeout_s=SOON_S)
    ready.wait(behind, timeout_s=SOON_S)

    assert (run.status, behind.text) == ("ok", "stopped\n")


@kernel_test
@on({name: case for name, case in CASES.items() if name not in HEARING})
def test_a_late_interrupt_is_swallowed_where_the_kernel_is_deaf(ready):
    """The view interrupted just before it knew of the end: nothing happens."""
    run = ready.queue("reply = nbstream.show(words(then_s=0))")
    behind = ready.queue("time.sleep(0.2)\nprint(reply.outcome)")
    ready.wait_until(
        lambda: from_kernel(ready, "end"), timeout_s=SOON_S, what="the end"
    )
    ready.interrupt()
    ready.wait(run, timeout_s=SOON_S)
    ready.wait(behind, timeout_s=SOON_S)

    assert (run.status, behind.status, behind.text) == ("ok", "ok", "complete\n")


MANY = """\
import time, nbstream
r = nbstream.show(time.sleep(0.02) or "x" for _ in range(100))"""


@kernel_test
def test_no_cell_is_lost_while_a_stream_is_shown(kernel):
    """What is sent meanwhile is answered later, each once and in its order."""
    kernel.execute(MANY)
    shown = kernel.queue(MANY)
    kernel.wait_until(lambda: shown.messages)
    behind = []
    for number in range(300):
        behind.append(kernel.queue(f"print({number})"))
        kernel.read(timeout_s=0.005)
    end_s = time.monotonic() + SOON_S
    while not all(each.done for each in behind) and time.monotonic() < end_s:
        kernel.queue("0")  # 7.0 takes some only when another one comes, with us or not
        kernel.read(timeout_s=0.2)

    assert [each.text for each in behind] == [f"{number}\n" for number in range(300)]
    assert "AssertionError" not in kernel.log()


@kernel_test
def test_the_table_of_private_names_is_true(kernel):
    """Each name is found in the versions that the table gives, and in no other."""
    code = "from nbstream.screens.kernel_messages import hook, pump; import comm\n"
    code += "line = comm.create_comm(target_name='x')\n"
    code += "kernel = get_ipython().kernel\n"
    code += "thread = getattr(kernel, 'shell_channel_thread', None)\n"
    code += "print(hasattr(line, '_reply_subshell_for'), pump() is not None,"
    code += " hasattr(thread, 'io_loop') and hasattr(kernel, "
    code += "'shell_channel_thread_main') and hasattr(kernel.shell_stream, 'on_recv'),"
    code += " hasattr(kernel, '_allow_stdin'))"
    expected = {
        "6.31.0": "False True False True",
        "7.3.0": "False False True True",
        "7.4.0": "True False True True",
        "6.17.1": "False True False True",
        "6.29.5": "False True False True",
        "7.0.1": "False False True True",
        "7.1.0": "False False True True",
    }

    assert kernel.execute(code).text == expected[kernel.version] + "\n"
    assert set(PRIVATE) == {
        "comm._reply_subshell_for",
        "kernel.shell_channel_thread",
        "kernel.shell_channel_thread_main",
        "kernel.shell_stream.on_recv",
        "kernel.msg_queue",
        "kernel.shell_stream.flush",
        "kernel._allow_stdin",
        "marimo._runtime.context.get_context",  # proved in tests/places/test_marimo.py
    }
