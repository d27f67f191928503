// The page at work: the filters, the list and the problem follow one choice, which the address remembers.

class Browser {
  constructor(data) {
    this.data = data;
    this.cases = casesOf(data);
    this.hidden = new Set();
    this.rows = new Rows(byId("list"), data.runs, (one, at, isOpened) => this.open(one, at, isOpened));
    this.fillSteps();
    this.listen();
    this.recall();
  }

  recall() {
    const { choice, id } = recalled(location.hash, this.data.runs);
    this.choice = choice;
    byId("search").value = choice.query;
    byId("agreement").value = choice.agreement;
    this.showConditions();
    this.update(id);
    if (location.hash.startsWith("#problems?")) byId("problems").scrollIntoView();
  }

  fillSteps() {
    const found = new Set(this.cases.map((one) => Math.min(stepsOf(one.problem), MANY_STEPS)));
    const fieldset = byId("step-counts");
    fieldset.hidden = found.size < 2;
    for (const steps of [...found].sort((one, other) => one - other)) {
      const button = element("button", { type: "button", className: "toggle", "aria-pressed": "false" }, steps === MANY_STEPS ? `${steps}+` : steps || "none");
      button.dataset.steps = steps;
      fieldset.append(button);
    }
  }

  listen() {
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
    byId("search").addEventListener("input", () => this.change({ query: byId("search").value }));
    byId("agreement").addEventListener("change", () => this.change({ agreement: byId("agreement").value }));
    byId("step-counts").addEventListener("click", (event) => event.target.dataset.steps && this.toggleSteps(Number(event.target.dataset.steps)));
    byId("add").addEventListener("click", () => this.changeConditions([...this.choice.conditions, { arm: 0, what: "wrong" }]));
    byId("clear").addEventListener("click", () => this.choose(nothing()));
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("click", (event) => {
      const cell = event.target.closest("[data-show]");
      if (cell) this.lead(JSON.parse(cell.dataset.show));
    });
    addEventListener("popstate", () => this.close());
  }

  choose(choice) {
    this.choice = choice;
    byId("search").value = choice.query;
    byId("agreement").value = choice.agreement;
    this.showConditions();
    this.update();
  }

  lead(wanted) {
    this.choose({ ...nothing(), ...wanted, steps: (wanted.steps || []).map((steps) => Math.min(steps, MANY_STEPS)) });
    byId("problems").scrollIntoView();
    byId("list").focus({ preventScroll: true });
  }

  change(part) {
    this.choice = { ...this.choice, ...part };
    this.update();
  }

  changeConditions(conditions) {
    this.change({ conditions });
    this.showConditions();
  }

  toggleSteps(steps) {
    const kept = this.choice.steps.filter((one) => one !== steps);
    this.change({ steps: kept.length < this.choice.steps.length ? kept : [...kept, steps] });
  }

  showConditions() {
    byId("conditions").replaceChildren(...this.choice.conditions.map((condition, at) => this.condition(condition, at)));
  }

  condition(condition, at) {
    const put = (part) => this.changeConditions(this.choice.conditions.map((one, place) => (place === at ? { ...one, ...part } : one)));
    const arms = [["any", "any arm"], ["every", "every arm"], ...this.data.runs.map((arm, place) => [place, arm.name])];
    const arm = select("Arm", [["", arms]], condition.arm, (value) => put({ arm: /^\d+$/.test(value) ? Number(value) : value }));
    const what = select("What it did", this.whats(), condition.what, (value) => put({ what: value }));
    const remove = element("button", { type: "button", className: "plain", "aria-label": "Remove the condition",
      onclick: () => this.changeConditions(this.choice.conditions.filter((_, place) => place !== at)) }, "✕");
    return element("div", { className: "condition" }, arm, element("span", {}, "is"), what, remove);
  }

  whats() {
    const outcomes = [["correct", "correct"], ["not-correct", "not correct"], ["wrong", "wrong"], ["unanswered", "unanswered"], ["slip", "with an arithmetic slip"]];
    const reasons = kinds(this.data, "reason").map((reason) => [`reason:${reason}`, `unanswered: ${reason}`]);
    const faults = kinds(this.data, "fault").map((fault) => [`fault:${fault}`, fault]);
    return [["", outcomes], ["Reason", reasons], ["First fault", faults]].filter(([, options]) => options.length);
  }

  update(id = null) {
    const shown = chosen(this.cases, this.choice);
    const isAll = shown.length === this.cases.length;
    byId("count").textContent = isAll ? counted(shown.length, "problem") : `${spelt(shown.length)} of ${counted(this.cases.length, "problem")}`;
    byId("clear").hidden = remembered(this.choice, null) === remembered(nothing(), null);
    for (const button of byId("step-counts").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(this.choice.steps.includes(Number(button.dataset.steps))));
    }
    this.showShares(shown);
    const at = id === null ? 0 : Math.max(0, shown.findIndex((one) => one.problem.id === id));
    this.rows.show(shown, at);
    if (shown.length) this.open(shown[at], at, false, id !== null);
    else byId("problem").replaceChildren();
  }

  showShares(shown) {
    const counts = this.data.runs.map((_, at) => {
      const tried = shown.filter((one) => one.attempts[at]);
      return { tried: tried.length, solved: tried.filter((one) => one.attempts[at].outcome === "correct").length };
    });
    const isSame = counts.every(({ tried }) => tried === shown.length);
    const shares = counts.map(({ tried, solved }, at) =>
      element("span", {}, armName(this.data.runs, at), " ", element("b", {}, spelt(solved)), isSame ? "" : ` of ${spelt(tried)}`));
    byId("shares").replaceChildren(element("span", {}, isSame ? `Correct of these ${spelt(shown.length)}` : "Correct of these"), ...shares);
  }

  open(one, at, isOpened, isRemembered = true) {
    this.at = at;
    this.one = one;
    byId("problem").replaceChildren(...problemView(one, {
      arms: this.data.runs,
      hidden: this.hidden,
      words: wordsOf(this.choice.query),
      place: `${spelt(at + 1)} of ${spelt(this.rows.cases.length)}`,
      onMove: (by) => this.rows.choose(this.at + by, isNarrow() || isOpened),
      onHide: (arm) => this.hide(arm),
      onBack: () => history.back(),
    }));
    const isNew = isOpened && isNarrow() && !isOverlay();
    if (isRemembered) history[isNew ? "pushState" : "replaceState"](null, "", remembered(this.choice, one.problem.id));
    if (isOpened) this.focus(isNew);
  }

  focus(isNew) {
    if (isNarrow()) document.documentElement.classList.add("opened");
    if (isNew || !isNarrow()) byId("problem").focus({ preventScroll: true });
    if (isNarrow()) byId("problem").scrollTop = 0;
  }

  hide(arm) {
    if (!this.hidden.delete(arm)) this.hidden.add(arm);
    this.open(this.one, this.at, false);
    byId("problem").querySelectorAll(".shown button")[arm].focus();
  }

  close() {
    document.documentElement.classList.remove("opened");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && isOverlay()) history.back();
    else if (event.key === "Escape" && byId("problem").contains(event.target)) byId("list").focus();
    else if (isTyping) return;
    else if (event.key === "/") {
      event.preventDefault();
      byId("search").focus();
    } else if (event.key === "j" || event.key === "k") this.rows.choose(this.at + (event.key === "j" ? 1 : -1), isOverlay());
  }
}

const byId = (id) => document.getElementById(id);
const isNarrow = () => matchMedia("(max-width: 56rem)").matches;
const isOverlay = () => document.documentElement.classList.contains("opened");

function select(label, groups, value, onChange) {
  const options = groups.map(([name, choices]) => {
    const made = choices.map(([key, text]) => element("option", { value: key, selected: key === value }, text));
    return name ? element("optgroup", { label: name }, ...made) : made;
  });
  const made = element("select", { "aria-label": label }, ...options.flat());
  made.addEventListener("change", () => onChange(made.value));
  return made;
}

// The section in sight is marked in the line of sections.
function followSections() {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id).setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "-20% 0px -70% 0px" },
  );
  for (const id of links.keys()) watcher.observe(byId(id));
}

async function main() {
  followSections();
  try {
    const data = await readData();
    window.browser = new Browser(data);
    document.documentElement.dataset.ready = String(Math.round(performance.now()));
  } catch (fault) {
    byId("trouble").textContent = `The problems cannot be shown: ${fault.message}. This takes a browser of 2023 or later.`;
    byId("trouble").hidden = false;
    throw fault;
  }
}

main();
