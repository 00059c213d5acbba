// What a screen reader says of an answer while it is written.

// The whole sentences in what is written, and what is said of them: who writes faster than
// can be said is not said in full, but in whole sentences.
function sentencesOf(written) {
  const whole = written.match(/^[^]*[.!?:](?=\s)/)?.[0] ?? "";
  const short = whole.slice(0, 300);
  const said = short.match(/^[^]*[.!?:](?=\s|$)/) ?? short.match(/^[^]*(?=\s)/) ?? [""];
  return [whole, said[0]];
}

// It says whole sentences, at most every few seconds, and what goes on.
function makeAnnouncer(region, text) {
  let [lastWord, spokeAt] = ["", 0];
  let [from, heard, hasHeard] = [null, 0, false]; // how much of `from`; all before it
  return (word) => {
    const now = performance.now();
    if (now - spokeAt < 4000) return;
    if (from?.parentNode !== text) {
      // Nothing heard yet; or what was heard last has been replaced, and is not said again.
      from = hasHeard ? text.lastElementChild : text.firstElementChild;
      heard = hasHeard ? from?.textContent.length : 0;
    }
    const fresh = [];
    for (let each = from; each; each = each.nextElementSibling)
      if (each.localName !== "details") fresh.push([each, each.textContent]);
    const all = fresh.map(([, words]) => words).join(" ");
    const [whole, said] = sentencesOf(all.slice(heard));
    if (word === lastWord && !whole) return;
    region.textContent = [word === lastWord ? "" : word, said].join(" ").trim();
    [lastWord, heard, hasHeard, spokeAt] = [word, heard + whole.length, hasHeard || whole, now];
    // The next search begins in the element that was heard last.
    for (const [each, { length }] of fresh) {
      from = each;
      if (heard <= length) break;
      heard -= length + 1;
    }
  };
}
