// Following the end of an answer while it grows, as long as its reader wants that.

function scrollerOf(el) {
  for (let node = el.parentElement; node; node = node.parentElement) {
    const scrolls = ["auto", "scroll"].includes(getComputedStyle(node).overflowY);
    if (scrolls && node.scrollHeight > node.clientHeight + 1) return node;
  }
  return document.scrollingElement;
}

// Called before a change; what it returns is to be called after it. The end is followed
// by readers who have it in view. Who scrolls up, or selects, is left alone.
function makeFollower(el, text) {
  const margin = 24;
  let [left, lastTop, scroller, foundAt] = [false, 0, null, -Infinity];
  return () => {
    if (!el.isConnected) return () => {};
    const now = performance.now();
    if (!scroller?.isConnected || now > foundAt + 500) [scroller, foundAt] = [scrollerOf(el), now];
    const port = scroller.getBoundingClientRect();
    const bottom = Math.min(port.bottom, innerHeight);
    const end = text.getBoundingClientRect().bottom;
    const inView = end > port.top && end <= bottom + 2;
    if (scroller.scrollTop < lastTop - 1) left = true;
    else if (scroller.scrollTop > lastTop + 1 && inView) left = false;
    lastTop = scroller.scrollTop;
    const selection = getSelection();
    const selects = !selection.isCollapsed && text.contains(selection.anchorNode);
    return () => {
      if (!inView || left || selects) return;
      const over = text.getBoundingClientRect().bottom + margin - bottom;
      if (over > 0 && end + margin <= bottom + margin + 2) scroller.scrollTop += over;
      lastTop = scroller.scrollTop;
    };
  };
}
