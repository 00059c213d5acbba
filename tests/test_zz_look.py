import pytest
from harness.live import *
from test_race_browser import RACE, SEEN
pytestmark = pytest.mark.browser
def test_look(open_cells):
    slow = RACE.replace("delay_s=0.05", "delay_s=0.25").replace("1.2", "9")
    page = open_cells(slow)
    page.run_cell(1, wait=False)
    page.output(1).locator(".nbstream-lane h1").first.wait_for()
    page.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    logs=[]
    page.page.on("console", lambda m: logs.append((m.type, m.text[:300])))
    page.page.goto(page.server.page_url("lab", page.path))
    for _ in range(5):
        page.page.wait_for_timeout(3000)
        print(page.js("() => { const o=document.querySelectorAll('.jp-Notebook .jp-Cell')[1]?.querySelector('.jp-OutputArea'); return o ? o.innerHTML.slice(0,1500) : null }"))
        print(page.js(SEEN))
    print(logs, page.errors)
