// Which problems are shown: a choice, and whether a case meets it.
//
//   {query, agreement: ""|disagree|all|none, steps: [numbers], conditions: [{arm, what}]}
//   arm: its place, or "any" or "every"; what: an outcome, "not-correct", "slip", "reason:..." or "fault:..."

const nothing = () => ({ query: "", agreement: "", steps: [], conditions: [] });
const MANY_STEPS = 15;  // a button for each number up to it, and one for all from it on

const wordsOf = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

function chosen(cases, choice) {
  const words = wordsOf(choice.query);
  return cases.filter(
    (one) =>
      meetsSteps(one, choice.steps) &&
      meetsAgreement(one, choice.agreement) &&
      choice.conditions.every((condition) => meets(one, condition)) &&
      words.every((word) => textOf(one).includes(word)),
  );
}

function meetsSteps(one, steps) {
  return !steps.length || steps.includes(Math.min(stepsOf(one.problem), MANY_STEPS));
}

function meetsAgreement(one, agreement) {
  if (!agreement) return true;
  const tried = one.attempts.filter(Boolean);
  const solved = tried.filter((attempt) => attempt.outcome === "correct").length;
  if (agreement === "all") return tried.length > 0 && solved === tried.length;
  if (agreement === "none") return solved === 0;
  return solved > 0 && solved < tried.length;
}

function meets(one, { arm, what }) {
  if (arm === "any") return one.attempts.some((attempt) => isSo(attempt, what));
  if (arm === "every") return one.attempts.every((attempt) => isSo(attempt, what));
  return isSo(one.attempts[arm], what);
}

function isSo(attempt, what) {
  if (!attempt) return false;
  if (what === "not-correct") return attempt.outcome !== "correct";
  if (what === "slip") return (attempt.steps || []).some((step) => step.slips);
  if (what.startsWith("reason:")) return attempt.reason === what.slice(7);
  if (what.startsWith("fault:")) return attempt.fault === what.slice(6);
  return attempt.outcome === what;
}

// All that is written of a case in small letters, made when it is first searched.
function textOf(one) {
  one.text ??= [...texts(one)].join("\n").toLowerCase();
  return one.text;
}

function* texts(one) {
  const { problem } = one;
  yield* [problem.id, problem.question, problem.answer || "", ...(problem.facts || [])];
  for (const steps of [problem.steps, ...one.attempts.map((attempt) => attempt && attempt.steps)]) {
    for (const step of steps || []) yield* [step.ask || "", step.text || ""];
  }
  for (const attempt of one.attempts) {
    if (!attempt) continue;
    yield attempt.answer || "";
    for (const [, reply] of attempt.replies || []) yield reply;
  }
}

// What there is to choose of, and how it is called.
function kinds(data, field) {
  const found = new Map();
  for (const ofArm of data.attempts) {
    for (const attempt of ofArm) if (attempt && attempt[field]) found.set(attempt[field], (found.get(attempt[field]) || 0) + 1);
  }
  return [...found].sort((one, other) => other[1] - one[1]).map(([kind]) => kind);
}

function remembered(choice, id) {
  const words = new URLSearchParams();
  if (choice.query) words.set("q", choice.query);
  if (choice.agreement) words.set("arms", choice.agreement);
  if (choice.steps.length) words.set("steps", choice.steps.join(" "));
  for (const { arm, what } of choice.conditions) words.append("if", `${arm} ${what}`);
  if (id) words.set("id", id);
  return `#problems?${words}`;
}

function recalled(hash, arms) {
  const words = new URLSearchParams(hash.startsWith("#problems?") ? hash.slice(10) : "");
  const conditions = words.getAll("if").map((text) => {
    const [arm, ...what] = text.split(" ");
    return { arm: /^\d+$/.test(arm) ? Number(arm) : arm, what: what.join(" ") };
  });
  const choice = {
    query: words.get("q") || "",
    agreement: ["disagree", "all", "none"].includes(words.get("arms")) ? words.get("arms") : "",
    steps: (words.get("steps") || "").split(" ").filter(Boolean).map(Number).filter(Number.isInteger),
    conditions: conditions.filter(({ arm }) => arm === "any" || arm === "every" || arm < arms.length),
  };
  return { choice, id: words.get("id") };
}
