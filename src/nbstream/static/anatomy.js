// A stream to walk through: a slider over its steps, and three panes that show what is
// there. Python has sent all of it once (anatomy/message.py); nothing goes back.
//
// The notebook's output is a table, which is what is saved. Where there are widgets, a
// model without a view puts this in the table's place as long as the kernel lives.
//
// The files anatomy_*.js are one module with this one: rows are the bytes, walk is where
// one can be, panes are what one sees.

const MODES = { event: "event", read: "network read", byte: "byte" };
const SPEEDS = { "as it came": 0, "2 a second": 2, "8 a second": 8, "30 a second": 30, "200 a second": 200 };

function makeView(model) {
  const told = model.get("told");
  const data = model.get("data");
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const walk = makeWalk(told, bytes);
  const root = put("div", "walk", "", { role: "group", ariaLabel: `Anatomy of a stream, ${told.api}`, tabIndex: -1 });
  const panes = [wirePane(walk), eventPane(walk), grownPane(walk, told)];
  const [mode, index] = [{ now: "event" }, { now: 0 }];
  let [match, matches, queued] = [null, [], false];
  const hands = makeHands(walk, told, { jump, step, play, look, setMode, pace: (speed) => player.pace(speed) });
  const score = makeScore(walk, told);
  const player = makePlayer(walk, told, { mode: () => mode.now, index: () => index.now, go, onChange: (on) => hands.playing(on) });
  const shown = put("div", "panes");
  shown.append(...panes.map(({ section }) => section));
  root.append(hands.head, score.canvas, hands.slider, hands.bar, hands.said, shown, hands.keys);

  const place = () => walk.stop(mode.now, index.now);

  function paint() {
    queued = false;
    const to = place();
    const from = index.now ? walk.stop(mode.now, index.now - 1) : 0;
    const ended = to >= walk.finale;
    const first = walk.steps[walk.wholeAt(from)];
    const last = walk.steps[Math.max(walk.wholeAt(to) - 1, walk.wholeAt(from))] ?? first;
    const band = ended || !to || !first ? [0, 0] : [first.start, Math.max(first.end, last?.end ?? 0)];
    const state = { from, to, ended, band, match };
    for (const each of panes) each.show(state);
    score.show(mode.now, index.now);
    hands.show({ mode: mode.now, index: index.now, count: walk.count(mode.now), place: to, match, matches });
  }

  // However many steps are asked for between two frames, one is drawn.
  function draw() {
    if (!queued) requestAnimationFrame(paint);
    queued = true;
  }

  function go(wanted, found = null) {
    const near = Math.max(0, Math.min(walk.count(mode.now) - 1, wanted));
    [index.now, match] = [near, found];
    draw();
  }

  // To the first stop at which so many bytes have come.
  function jump(wanted, found = null) {
    player.stop();
    const at = walk.indexOf(mode.now, wanted);
    go(walk.stop(mode.now, at) < wanted ? at + 1 : at, found);
  }

  function step(by) {
    player.stop();
    go(index.now + by);
  }

  function play() {
    if (index.now === walk.count(mode.now) - 1) go(0);
    player.toggle();
  }

  function setMode(wanted) {
    const before = place();
    player.stop();
    mode.now = wanted;
    jump(before);
  }

  // With a query: look for it anew. Without: to the next place, or the one before.
  function look(query, by = 0) {
    if (!by) matches = walk.search(query);
    const here = matches.indexOf(match);
    const next = matches.findIndex((each) => each.place >= place());
    const at = by ? (here >= 0 ? here : next - (by > 0 ? 1 : 0)) + by : next < 0 ? 0 : next;
    const found = matches.at(at % (matches.length || 1));
    if (found) jump(found.place, found);
    else go(index.now);
  }

  root.addEventListener("keydown", (event) => hands.key(event));
  const sizes = new ResizeObserver(() => {
    panes[0].fit();
    score.fit();
    draw();
  });
  sizes.observe(root);
  return {
    root,
    dispose() {
      player.stop();
      sizes.disconnect();
      root.remove();
    },
  };
}

// -- in the place of the table ----------------------------------------------------------

function keepMounted(model) {
  const views = new Map();
  const tables = document.getElementsByClassName(model.get("place"));
  let waiting = 0;

  function look() {
    waiting = 0;
    for (const [table, view] of views)
      if (!table.isConnected && !view.root.isConnected) dismount(table);
    for (const table of tables) if (!table.querySelector(".nbstream-walk")) mount(table);
  }

  function mount(table) {
    dismount(table);
    const view = makeView(model);
    views.set(table, view);
    for (const child of table.children) child.hidden = true;
    table.append(view.root);
  }

  function dismount(table) {
    views.get(table)?.dispose();
    views.delete(table);
    for (const child of table.children) child.hidden = false;
  }

  const watch = new MutationObserver(() => {
    waiting ||= setTimeout(look, 60);
  });
  watch.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    watch.disconnect();
    clearTimeout(waiting);
    [...views.keys()].forEach(dismount);
  };
}

export default () => ({
  initialize: ({ model }) => (model.get("place") ? keepMounted(model) : undefined),
  render({ model, el }) {
    const view = makeView(model);
    el.append(view.root);
    return () => view.dispose();
  },
});
