// Elements and texts. What a model wrote becomes a text node and nothing else.

const SIGNS = { correct: "✓", wrong: "✗", unanswered: "–", absent: "·" };

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

function unseen(text) {
  return element("span", { className: "unseen" }, text);
}

function armName(arms, at) {
  const made = element("span", { className: "arm" }, arms[at].name);
  made.style.setProperty("--arm", `var(--arm-${arms[at].arm % 8})`);
  return made;
}

function sign(outcome, said) {
  return element("span", { className: `outcome ${outcome}`, title: said, "aria-hidden": "true" }, SIGNS[outcome]);
}

// A text with its calculations set apart and the words that were searched for marked.
function written(text, words) {
  const pieces = text.split(/(<<[^<>]*>>)/);
  return pieces.flatMap((piece) =>
    piece.startsWith("<<") ? [element("span", { className: "calculation" }, ...marked(piece, words))] : marked(piece, words),
  );
}

function marked(text, words) {
  if (!words.length) return text ? [text] : [];
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const pieces = text.split(new RegExp(`(${escaped.join("|")})`, "gi"));
  return pieces.map((piece, at) => (at % 2 ? element("mark", {}, piece) : piece)).filter((piece) => piece !== "");
}

function spelt(count) {
  return count.toLocaleString("en");
}

function counted(count, word) {
  return `${spelt(count)} ${word}${count === 1 ? "" : "s"}`;
}
