// The chosen problem: its question, and gold and every arm side by side, step by step.

function problemView(one, { arms, hidden, words, place, onMove, onHide, onBack }) {
  const { problem } = one;
  return [
    element("div", { className: "where" },
      element("button", { type: "button", className: "back", onclick: onBack }, "← Problems"),
      element("span", {}, `${place}`),
      element("span", {}, problem.id),
      stepsOf(problem) ? element("span", {}, counted(stepsOf(problem), "gold step")) : null,
      element("span", { className: "moves" },
        element("button", { type: "button", id: "previous", "aria-label": "Previous problem", onclick: () => onMove(-1) }, "↑"),
        element("button", { type: "button", id: "next", "aria-label": "Next problem", onclick: () => onMove(1) }, "↓"))),
    element("p", { className: "question" }, ...written(problem.question, words)),
    arms.length > 1 ? armChooser(arms, one.attempts, hidden, onHide) : null,
    element("div", { className: "columns" },
      goldColumn(problem, words),
      ...arms.map((_, at) => (hidden.has(at) || !one.attempts[at] ? null : armColumn(arms, at, one.attempts[at], words))).filter(Boolean)),
  ].filter(Boolean);
}

function armChooser(arms, attempts, hidden, onHide) {
  const buttons = arms.map((_, at) =>
    element("button", { type: "button", className: "toggle", "aria-pressed": String(!hidden.has(at)), onclick: () => onHide(at) },
      sign(outcomeOf(attempts[at]), outcomeOf(attempts[at])), unseen(`${outcomeOf(attempts[at])}: `), armName(arms, at)));
  return element("fieldset", { className: "shown" }, element("legend", { className: "unseen" }, "Arms shown"), ...buttons);
}

function goldColumn(problem, words) {
  const known = problem.steps || problem.facts || problem.answer;
  return element("section", { className: "column gold" },
    element("h3", {}, "Gold"),
    element("p", { className: "verdict" }, problem.answer ? element("b", {}, problem.answer) : "no answer is known"),
    ...(problem.facts || []).map((fact) => element("p", { className: "aside" }, ...written(fact, words))),
    known ? element("ol", {}, ...(problem.steps || []).map((step) => stepItem(step, words))) : null);
}

function armColumn(arms, at, attempt, words) {
  const made = element("section", { className: "column" },
    element("h3", {}, arms[at].name),
    verdict(attempt),
    attempt.plan ? element("p", { className: "aside" }, "Plan: ", ...written(attempt.plan, words)) : null,
    element("ol", {}, ...(attempt.steps || []).map((step, place) => stepItem(step, words, place === attempt.at ? faultOf(attempt) : ""))),
    ...asides(attempt, words));
  made.style.setProperty("--arm", `var(--arm-${arms[at].arm % 8})`);
  return made;
}

function verdict(attempt) {
  const said = { correct: "correct", wrong: "wrong", unanswered: `unanswered: ${attempt.reason}` }[attempt.outcome];
  return element("p", { className: `verdict ${attempt.outcome}` },
    `${SIGNS[attempt.outcome]} `, attempt.answer ? element("b", {}, attempt.answer) : "", attempt.answer ? `  ${said}` : said);
}

function stepItem(step, words, fault = "") {
  const slips = step.slips || [];
  const [mark, said] = slips.length ? ["✗", "arithmetic slip"]
    : { "in-gold": ["✓", "its result is one of gold’s"], "not-in-gold": ["○", "its result is none of gold’s"] }[step.found] || ["", ""];
  const kind = slips.length ? "wrong" : step.found === "in-gold" ? "correct" : "absent";
  return element("li", {},
    mark ? element("span", { className: `sign ${kind}`, title: said, "aria-hidden": "true" }, mark) : null,
    mark ? unseen(`${said}: `) : null,
    step.ask ? element("span", { className: "ask" }, ...written(step.ask, words)) : null,
    ...written(step.text || "", words),
    ...slips.map((slip) => element("span", { className: "remark" }, slip)),
    fault ? element("span", { className: "remark fault" }, `first fault: ${fault}`) : null);
}

function faultOf(attempt) {
  return attempt.why ? `${attempt.fault} (${attempt.why})` : attempt.fault;
}

function asides(attempt, words) {
  const found = [];
  if (attempt.more) found.push(`${attempt.more} more steps`);
  if (attempt.fault && attempt.at === undefined) found.push(`first fault: ${faultOf(attempt)}`);
  if (attempt.votes) found.push(`votes: ${Object.entries(attempt.votes).map(([answer, votes]) => `${answer} × ${votes}`).join(", ")}`);
  if (attempt.calculator) found.push(`calculator: ${attempt.calculator.join(", ")}`);
  if (attempt.leaked) found.push("the question is in the training set");
  if (attempt.tokens) found.push(`${counted(attempt.tokens, "token")} written`);
  return [
    ...(attempt.replies || []).flatMap(([role, reply]) => [
      element("p", { className: "aside" }, `${role} wrote:`),
      element("p", { className: "reply" }, ...written(reply, words))]),
    ...(found.length ? [element("p", { className: "aside" }, found.join(" · "))] : []),
  ];
}
