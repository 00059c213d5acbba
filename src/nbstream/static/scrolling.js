// Following the end of an answer while it grows, as long as its reader wants that.

function scrollerOf(el) {
  for (let node = el.parentElement; node; node = node.parentElement) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(node).overflowY);
    if (scrolls && node.scrollHeight > node.clientHeight + 1) return node;
  }
  return document.scrollingElement;
}

// Whether a reader has left the end, after scrolling so far down: who scrolls up leaves it,
// until scrolling down brings it in view again.
const hasLeftNow = (hadLeft, down, inView) => down < -1 || (hadLeft && !(down > 1 && inView));

// Called before a change; what it returns is to be called after it. The end is followed by
// readers who have it in view; who selects something is left alone.
function makeFollower(el, text) {
  const margin = 24;
  let [hasLeft, lastTop, scroller, foundAt] = [false, 0, null, -Infinity];
  return () => {
    if (!el.isConnected) return () => {};
    const now = performance.now();
    if (!scroller?.isConnected || now > foundAt + 500) [scroller, foundAt] = [scrollerOf(el), now];
    const port = scroller.getBoundingClientRect();
    const bottom = Math.min(port.bottom, innerHeight);
    const end = text.getBoundingClientRect().bottom;
    const inView = end > port.top && end <= bottom + 2;
    hasLeft = hasLeftNow(hasLeft, scroller.scrollTop - lastTop, inView);
    lastTop = scroller.scrollTop;
    if (!inView || hasLeft || selectsIn(text)) return () => {};
    return () => {
      const over = text.getBoundingClientRect().bottom + margin - bottom;
      if (over > 0) scroller.scrollTop += over;
      lastTop = scroller.scrollTop;
    };
  };
}

function selectsIn(node) {
  const selection = getSelection();
  return !selection.isCollapsed && node.contains(selection.anchorNode);
}
