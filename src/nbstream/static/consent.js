// Consent: a call is allowed by who has had it before the eyes, and by nobody else.
//
// One question at a time can be answered: when all of its card (what is called, with which
// arguments, the buttons) has been in sight for READ_MS and has not moved, and Allow when
// the arguments have been scrolled to their end. Who presses earlier was not reading it:
// the time begins anew, and is longer, so a double click, a second Enter and a key that is held down
// never reach it. A click counts for the button that was pressed, if that could be then.

const READ_MS = 1000;
const LOOK_MS = 50;
const FAR_PX = 2; // a card that has moved so far has moved
const HINTS = {
  hidden: "Scroll until all of this call can be seen.",
  early: "Read what is to run …",
  more: "Scroll to the end of the arguments.",
};

// A card by its last line, which has the buttons; arguments and name stand before it.
function cardOf(line, key) {
  const before = (node, what) => {
    do node = node.previousElementSibling;
    while (!node.matches(what));
    return node;
  };
  const [allow, refuse] = line.querySelectorAll("button");
  const code = before(line, "pre:not([hidden])");
  return { key, title: before(code, "p, summary"), code, allow, refuse };
}

// Where the parts of a card are, or null: not all of them can be seen. They are looked at
// in the middle and just inside of their edges, whose corners may be round.
function boxesOf({ title, code, allow, refuse }) {
  if (document.hidden || !title.isConnected) return null; // as in a cell that is scrolled away
  const parts = [title, code, allow, refuse];
  const boxes = parts.map((part) => part.getBoundingClientRect());
  const root = title.getRootNode();
  const along = (from, to) => [from + 4, (from + to) / 2, to - 4];
  const isSeen = boxes.every(({ left, right, top, bottom }, at) =>
    along(left, right).every((x) =>
      along(top, bottom).every((y) => parts[at].contains(root.elementFromPoint(x, y)))
    )
  );
  return isSeen ? boxes.flatMap(({ left, top, right, bottom }) => [left, top, right, bottom]) : null;
}

// A place for what keeps a card from being answered. It has the room of the longest hint
// whatever it says: one line less would move the card, and close what has just been opened.
function hintAt(line) {
  const box = line.appendChild(document.createElement("small"));
  const [room, hint] = [0, 1].map(() => box.appendChild(document.createElement("span")));
  box.style.display = "inline-grid";
  room.style.visibility = "hidden";
  room.style.gridArea = hint.style.gridArea = "1 / 1";
  room.textContent = HINTS.hidden;
  hint.role = "status";
  return hint;
}

const isAtEnd = ({ scrollTop, clientHeight, scrollHeight }) => scrollTop + clientHeight > scrollHeight - 4;

/** Look to the questions of one view.
 *
 * `cardsOf()` gives those that wait, in order, each as of `cardOf`. `answer(card, isAllowed)` is called once for each. `look()` is called
 * when there may be a new one, and `dispose()` at the end.
 */
function makeConsent(cardsOf, answer) {
  let card = null; // the one that asks
  let place = null;
  let seen_ms = 0; // for how long it has been seen where it is, in steps that were painted
  let looked = 0;
  let open = Infinity; // since when it can be answered
  let press = null; // the button that is being pressed; false: that does not count
  let timer = 0;
  const read = new WeakSet(); // arguments that were seen to their end
  const buttons = () => (card ? [card.allow, card.refuse] : []);
  const buttonOf = (event) => buttons().find((each) => event.composedPath().includes(each));
  const isOpen = (button) => button.getAttribute("aria-disabled") === "false";

  function show(why) {
    card.refuse.setAttribute("aria-disabled", String(open === Infinity));
    card.allow.setAttribute("aria-disabled", String(Boolean(why)));
    card.hint ??= hintAt(card.refuse.parentNode);
    if (card.hint.textContent !== why) card.hint.textContent = why;
  }

  function look() {
    const now = performance.now();
    const next = cardsOf()[0] ?? null;
    const isSame = next?.key === card?.key && next?.allow === card?.allow;
    if (!isSame) leave(next);
    if (!card) return;
    card.title.closest("details")?.setAttribute("open", ""); // a fold would hide it
    const at = boxesOf(card);
    const isStill = isSame && at && place && at.every((one, i) => Math.abs(one - place[i]) < FAR_PX);
    seen_ms = isStill ? seen_ms + Math.min(now - looked, READ_MS / 4) : 0;
    if (!isStill) place = at;
    looked = now;
    if (at && isAtEnd(card.code)) read.add(card.code);
    if (seen_ms < READ_MS) open = Infinity;
    else if (open === Infinity) open = now;
    show(!at ? HINTS.hidden : open === Infinity ? HINTS.early : read.has(card.code) ? "" : HINTS.more);
    timer ||= setTimeout(() => requestAnimationFrame(() => ((timer = 0), look())), LOOK_MS);
  }

  function leave(next) {
    card?.hint?.parentNode.remove();
    for (const each of buttons()) each.setAttribute("aria-disabled", "true");
    if (Boolean(card) !== Boolean(next))
      for (const [kind, listener] of Object.entries(LISTENERS))
        window[next ? "addEventListener" : "removeEventListener"](kind, listener, true);
    [card, place, open, press, seen_ms] = [next, null, Infinity, press && false, 0];
    if (!card) return;
    card.code.classList.add("nbstream-call");
    card.code.tabIndex = 0; // it is scrolled with keys, too
  }

  // Who is at a button is shown all of the card; of the arguments fewer lines if need be.
  function bring(event) {
    if (!buttonOf(event)) return;
    for (const lines of ["", "3lh"]) {
      if (boxesOf(card)) return;
      card.code.style.maxHeight = lines;
      for (const each of [card.refuse, card.allow, card.title]) each.scrollIntoView({ block: "nearest" });
    }
  }

  function onPress(event) {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    look(); // it may have moved since
    const button = buttonOf(event);
    const counts = button && isOpen(button) && !event.repeat && event.timeStamp >= open;
    press = button ? counts && button : null;
    if (open < Infinity) return;
    seen_ms = -READ_MS / 2; // who clicks again and again is not reading
    bring(event);
  }

  function onClick(event) {
    look();
    const button = buttonOf(event);
    const isPressed = press === button || press === null; // a screen reader presses nothing
    press = null;
    if (!button) return;
    if (!isPressed || !isOpen(button)) return bring(event);
    const given = card;
    leave(null);
    given.allow.disabled = given.refuse.disabled = true;
    answer(given, button === given.allow);
  }

  const LISTENERS = {
    pointerdown: onPress, keydown: onPress, click: onClick, focus: bring,
    scroll: look, visibilitychange: look,
  };
  return {
    look,
    dispose() {
      cardsOf = () => [];
      clearTimeout(timer);
      leave(null);
    },
  };
}
