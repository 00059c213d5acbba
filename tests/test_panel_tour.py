import traceback

import pytest

pytestmark = pytest.mark.browser
SETUP = '''\
import time, nbstream
from nbstream import offline
offline.use(speed=2)
@nbstream.tool(confirm=True)
def get_weather(city: str) -> str:
    """Tell the weather of a city."""
    return f"It rains in {city}, and it will go on raining."
chat = nbstream.Chat("anthropic:claude-haiku-5-5", tools=[get_weather])
plain = nbstream.Chat("openai:gpt-5")'''


def test_tour(open_notebook):
    page = open_notebook([SETUP, "chat.panel()", "plain.panel()"])
    page.page.set_default_timeout(8000)
    said = []
    page.page.on("console", lambda m: said.append((m.type, m.text)))
    key, typed = page.page.keyboard.press, page.page.keyboard.type
    page.run_cell(0)
    page.run_cell(1)
    p = page.output(1).locator(".nbstream-panel")

    def shot(n):
        p.screenshot(path=f"/tmp/pt/{n}.png")
        page.set_theme("dark")
        p.screenshot(path=f"/tmp/pt/{n}-dark.png")
        page.set_theme("light")

    def step(f):
        try:
            f()
        except Exception:
            print("FAILED", f.__name__, traceback.format_exc()[-1500:], flush=True)

    def a():
        p.wait_for()
        shot("01-empty")
        p.get_by_label("Your question").click()
        typed("What is a token?")
        key("Shift+Enter")
        typed("Explain it in two lines.")
        shot("02-typing")
        p.get_by_label("Your question").click()
        key("Enter")
        page.page.wait_for_timeout(150)
        p.screenshot(path="/tmp/pt/03-waiting.png")
        p.locator(".nbstream-consent").first.wait_for()
        shot("04-consent")
        p.get_by_role("button", name="Allow").click()
        p.get_by_role("button", name="Retry").wait_for()
        page.page.wait_for_timeout(300)
        shot("05-done")

    step(a)
    page.run_cell(2)
    p = page.output(2).locator(".nbstream-panel")
    retry = p.get_by_role("button", name="Retry")
    box = p.get_by_label("Your question")

    def b():
        p.wait_for()
        box.click()
        typed("a long answer, please")
        key("Enter")
        page.page.wait_for_timeout(2500)
        p.screenshot(path="/tmp/pt/06-writing.png")
        key("Escape")
        retry.wait_for()
        page.page.wait_for_timeout(300)
        shot("07-stopped")

    step(b)

    def c():
        box.click()
        typed("Show me prose about rivers <b>bold</b>")
        key("Enter")
        page.page.wait_for_timeout(300)
        retry.wait_for(timeout=20000)
        page.page.wait_for_timeout(300)
        shot("08-done")
        p.get_by_role("button", name="Edit").click()
        shot("09-editing")
        box.click()
        key("Escape")

    step(c)

    def d():
        page.insert_and_run("_ = offline.fault('429')")
        box.click()
        typed("does this fail?")
        key("Enter")
        page.page.wait_for_timeout(300)
        retry.wait_for(timeout=20000)
        page.page.wait_for_timeout(300)
        shot("10-failed")
        page.page.screenshot(path="/tmp/pt/11-page.png")

    step(d)

    def e():
        page.insert_and_run("offline.clear_faults(); time.sleep(4)", wait=False)
        page.page.wait_for_timeout(500)
        retry.click()
        page.page.wait_for_timeout(1500)
        p.screenshot(path="/tmp/pt/13-busy.png")
        page.wait_idle()
        retry.wait_for(timeout=20000)
        page.insert_and_run("plain('hello from a cell')")
        page.page.wait_for_timeout(500)
        p.screenshot(path="/tmp/pt/14-from-cell.png")

    step(e)

    def f():
        saved = page.save()
        for c in saved["cells"]:
            for o in c["outputs"]:
                print(
                    {k: str(v)[:200] for k, v in o.get("data", {}).items()},
                    o.get("metadata"),
                    o.get("text"),
                    o.get("traceback"),
                    flush=True,
                )
        print(saved["metadata"].keys())
        box.click()
        typed("a long answer, please")
        key("Enter")
        page.page.wait_for_timeout(1500)
        page.page.goto(page.server.page_url("lab", page.path))
        p.wait_for(timeout=15000)
        page.page.wait_for_timeout(1500)
        p.screenshot(path="/tmp/pt/15-reloaded.png")
        key("Escape")
        p.get_by_role("button", name="Stop").click()
        retry.wait_for(timeout=5000)
        p.screenshot(path="/tmp/pt/16-stopped.png")
        print(
            "dirty", page.js("() => jupyterapp.shell.currentWidget.context.model.dirty")
        )

    step(f)

    def g():
        page.page.emulate_media(forced_colors="active")
        p.screenshot(path="/tmp/pt/17-forced.png")
        page.page.emulate_media(forced_colors="none")
        page.page.set_viewport_size({"width": 400, "height": 800})
        page.page.wait_for_timeout(800)
        page.page.screenshot(path="/tmp/pt/12-narrow.png")

    step(g)
    print([s for s in said if s[0] == "error"][:8], page.errors[:5])
