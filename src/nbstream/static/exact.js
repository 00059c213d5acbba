// What is to run is shown as it is: with JSON's escapes for what cannot be seen, and with
// signs for a long gap that does not indent a line; as `exact` in screens/base.py does it.

// What is ignored, has no width, sets a direction, is drawn as a font likes or is a blank; the signs for a space and
// for dots that has none. Kept is the one mark that makes a sign an emoji.
const UNSEEN =
  /(\p{Extended_Pictographic}\ufe0f)(?!\ufe0f)|(?![ \n])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Z}\p{DI}\u2420\u2800]/gu;
const GAP = /(?<![\n ]) {8,}/g;

const escaped = (one) =>
  one.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt().toString(16).padStart(4, "0")}`);

function exact(text) {
  const seen = text.replace(UNSEEN, (one, emoji) => emoji ?? escaped(one));
  return seen.replace(GAP, (gap) => "\u2420".repeat(gap.length));
}
