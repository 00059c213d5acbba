// Following the end of an answer while it grows, as long as its reader wants that.

// The boxes around it that may scroll, whether or not they do already: the inner ones first.
function scrollBoxes(el) {
  const found = [];
  for (let node = el.parentElement; node; node = node.parentElement)
    if (["auto", "scroll"].includes(getComputedStyle(node).overflowY)) found.push(node);
  return [...found, document.scrollingElement];
}

const scrolls = (node) => node.scrollHeight > node.clientHeight + 1;

// Whether a reader has left the end, after scrolling so far down: who scrolls up leaves it,
// until scrolling down brings it in view again.
const hasLeftNow = (hadLeft, down, inView) => down < -1 || (hadLeft && !(down > 1 && inView));

// Called before a change; what it returns is to be called after it. The end is followed by
// readers who have it in view; who selects something is left alone. A box that only begins
// to scroll, because the answer has grown or its reader wants it so, changes nothing.
function makeFollower(el, text) {
  const margin = 24;
  let [hasLeft, follows, boxes, foundAt, tops] = [false, false, [], -Infinity, new Map()];
  const endOf = () => text.getBoundingClientRect().bottom;
  const noteTops = () => (tops = new Map(boxes.filter(scrolls).map((box) => [box, box.scrollTop])));
  const portOf = (box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return box === document.scrollingElement ? [0, innerHeight] : [top, Math.min(bottom, innerHeight)];
  };
  return () => {
    if (!el.isConnected) return () => {};
    const now = performance.now();
    const isFirst = !boxes.length;
    if (now > foundAt + 500) [boxes, foundAt] = [scrollBoxes(el), now];
    if (isFirst) noteTops();
    const old = boxes.filter((box) => tops.has(box));
    const end = endOf();
    const inView = old.every((box) => end > portOf(box)[0] && end <= portOf(box)[1] + 2);
    const down = old.map((box) => box.scrollTop - tops.get(box));
    hasLeft = hasLeftNow(hasLeft, Math.min(0, ...down) || Math.max(0, ...down), inView);
    const isNew = boxes.some((box) => scrolls(box) && !tops.has(box));
    follows = !hasLeft && (inView || (follows && isNew)) && !selectsIn(text);
    noteTops();
    if (!follows) return () => {};
    return () => {
      for (const box of boxes.filter(scrolls)) {
        const over = endOf() + margin - portOf(box)[1];
        if (over > 0) box.scrollTop += over;
      }
      noteTops();
    };
  };
}

function selectsIn(node) {
  const selection = getSelection();
  return !selection.isCollapsed && node.contains(selection.anchorNode);
}
