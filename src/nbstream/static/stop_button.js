// Stop, seen from the view: ask the kernel; where it cannot hear, interrupt it.
//
// A click sends {kind: "stop"}. The kernel answers {kind: "ack"} and closes the stream.
// While a cell blocks, the model's `block` is that block's number (else 0). We greet it
// with {kind: "hello", block}; a kernel that hears us although it is busy answers
// {kind: "heard", block}. Only one that did not, and whose cell still blocks 300 ms after
// the click (100 ms if it was known to be deaf by then), is interrupted: that is as if ■ were pressed. After {kind: "end"}, or with
// `block` 0, nothing is interrupted, because what runs then is another cell.

/** Make the Stop of one model, the same in all its views.
 *
 * `state`: "ready", "asked", "interrupting", "stopping", "ended". `title`: what the
 * button says of itself. `note`: what to tell the reader now, "" if nothing. `stop()`:
 * what a click does. `say(message)`: tell the kernel, also a busy one. `on(listener)`: call back at each change. `dispose()`: let go.
 * `isOver`: the stream has ended already.
 */
function makeStop(model, isOver) {
  const TICK_MS = 50;
  const TICKS = 6;
  const TICKS_IF_DEAF = 2;
  const interrupt = findInterrupt(model);
  const listeners = new Set();
  let heard = 0; // the block in which the kernel has heard us
  let deaf = 0; // the block in which it has not, though it had the time
  let interrupted = 0; // the block that we have interrupted
  let timer = null;
  let line = null; // to a kernel in this browser (see kernel_messages.py)

  const block = () => model.get("block") || 0;
  const tell = () => listeners.forEach((listener) => listener());

  function say(message) {
    const channel = model.get("channel");
    if (channel) (line ??= new BroadcastChannel(channel)).postMessage(message);
    model.send(message);
  }

  function become(state, note = "") {
    if (stop.state === "ended" || (stop.state === state && stop.note === note)) return;
    Object.assign(stop, { state, note });
    if (state === "stopping" || state === "ended") rest();
    tell();
  }

  // Ticks and not one long timer: in a page that was stuck, the kernel's answer gets
  // its chance between two of them.
  function wait() {
    if (timer !== null || stop.state === "ended") return;
    let ticks = 0;
    let of = block();
    timer = setInterval(() => {
      if (block() !== of) {
        of = block();
        ticks = 0;
      } else if (++ticks >= (of !== 0 && of === deaf ? TICKS_IF_DEAF : TICKS)) {
        rest();
        late(of);
      }
    }, TICK_MS);
  }

  function rest() {
    clearInterval(timer);
    timer = null;
  }

  function late(of) {
    if (of !== 0 && of !== heard && of !== deaf) {
      deaf = of;
      tell();
    }
    if (stop.state !== "asked") return;
    if (of === 0) become("asked", "The kernel is busy; it is asked as soon as it is free.");
    else if (of !== heard) force(of);
  }

  async function force(of) {
    if (!interrupt) return become("asked", "The kernel cannot hear this; press ■ (Interrupt).");
    if (of === interrupted || of !== block()) return;
    interrupted = of;
    become("interrupting", "Interrupting the kernel, as ■ does.");
    try {
      await interrupt();
    } catch {
      become("asked", "The kernel cannot be reached from here; press ■ (Interrupt).");
    }
  }

  function onMessage(message) {
    if (message?.kind === "ack") become("stopping");
    else if (message?.kind === "heard") heard = message.block;
    else if (message?.kind === "end") become("ended");
  }

  function onBlock() {
    const now = block();
    if (now !== 0 && stop.state !== "ended") {
      say({ kind: "hello", block: now });
      wait();
    }
    tell();
  }

  const stop = {
    state: isOver ? "ended" : "ready",
    note: "",
    get title() {
      if (block() === 0 || block() !== deaf) return "Stop (Esc)";
      if (interrupt) return "Stop (Esc): interrupts the kernel, queued cells do not run";
      return "The kernel cannot hear this now; press ■ (Interrupt)";
    },
    stop() {
      if (stop.state !== "ready" && stop.state !== "asked") return;
      become("asked", stop.note);
      say({ kind: "stop" });
      rest();
      wait();
    },
    say,
    on: (listener) => listeners.add(listener),
    dispose() {
      rest();
      line?.close();
      stop.state = "ended";
      listeners.clear();
      model.off("msg:custom", onMessage);
      model.off("change:block", onBlock);
    },
  };
  model.on("msg:custom", onMessage);
  model.on("change:block", onBlock);
  onBlock();
  return stop;
}

/** How the kernel of a model is interrupted; null where no way is known. */
function findInterrupt(model) {
  let kernel = null;
  try {
    kernel = model.widget_manager.kernel ?? null;
  } catch {
    // a widget manager without one
  }
  // The front end's own connection knows the token, the cookies and the address.
  if (typeof kernel?.interrupt === "function") return () => kernel.interrupt();
  const { baseUrl, token } = pageConfig();
  if (!baseUrl || !kernel?.id) return null;
  return () => postInterrupt(new URL(baseUrl, document.baseURI), kernel.id, token);
}

function pageConfig() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent);
  } catch {
    return {};
  }
}

async function postInterrupt(base, id, token) {
  const headers = {};
  const xsrf = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/);
  if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf[1]);
  if (token) headers.Authorization = `token ${token}`;
  const url = new URL(`api/kernels/${encodeURIComponent(id)}/interrupt`, base);
  const answer = await fetch(url, { method: "POST", credentials: "same-origin", headers });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
}
