// The list: as long as the problems are many, but only the rows in sight exist.

const ROW = 60;
const AROUND = 6;
const MANY_ARMS = 16;

class Rows {
  constructor(list, arms, onChoose) {
    this.list = list;
    this.inner = list.firstElementChild;
    this.arms = arms;
    this.cases = [];
    this.at = -1;
    this.onChoose = onChoose;
    list.addEventListener("scroll", () => this.draw(), { passive: true });
    list.addEventListener("keydown", (event) => this.key(event));
    this.inner.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.choose(Number(row.dataset.at), true);
    });
    new ResizeObserver(() => this.draw()).observe(list);
  }

  show(cases, at) {
    this.cases = cases;
    this.at = Math.min(at, cases.length - 1);
    this.inner.style.height = `${cases.length * ROW}px`;
    if (this.at >= 0) this.reveal();
    else this.list.scrollTop = 0;
    this.draw();
  }

  choose(at, isOpened = false) {
    if (!this.cases.length) return;
    this.at = Math.max(0, Math.min(at, this.cases.length - 1));
    this.reveal();
    this.draw();
    this.onChoose(this.cases[this.at], this.at, isOpened);
  }

  reveal() {
    const top = this.at * ROW;
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    const bottom = top + ROW - this.list.clientHeight;
    if (bottom > this.list.scrollTop) this.list.scrollTop = bottom;
  }

  draw() {
    if (!this.cases.length) {
      this.inner.replaceChildren(element("p", { className: "empty" }, "No problem meets all of this."));
      return;
    }
    const first = Math.max(0, Math.floor(this.list.scrollTop / ROW) - AROUND);
    const last = Math.min(this.cases.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / ROW) + AROUND);
    const rows = [];
    for (let at = first; at < last; at++) rows.push(this.row(at));
    this.inner.replaceChildren(...rows);
    if (this.at >= first && this.at < last) this.list.setAttribute("aria-activedescendant", `row-${this.at}`);
    else this.list.removeAttribute("aria-activedescendant");
  }

  row(at) {
    const { problem, attempts } = this.cases[at];
    const made = element(
      "div",
      { className: "row", id: `row-${at}`, role: "option", "aria-selected": String(at === this.at),
        "aria-posinset": String(at + 1), "aria-setsize": String(this.cases.length) },
      element("p", {}, problem.question),
      this.outcomes(attempts),
    );
    made.dataset.at = at;
    made.style.top = `${at * ROW}px`;
    return made;
  }

  outcomes(attempts) {
    const solved = attempts.filter((attempt) => outcomeOf(attempt) === "correct").length;
    const said = unseen(`${solved} of ${attempts.filter(Boolean).length} arms correct`);
    if (attempts.length > MANY_ARMS) return element("span", { className: "outcomes" }, `${solved} correct`);
    const signs = attempts.map((attempt, at) => sign(outcomeOf(attempt), `${this.arms[at].name}: ${outcomeOf(attempt)}`));
    return element("span", { className: "outcomes" }, ...signs, said);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.list.clientHeight / ROW) - 1);
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, PageDown: this.at + page, PageUp: this.at - page, Home: 0, End: this.cases.length - 1, Enter: this.at }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.choose(to, event.key === "Enter");
  }
}
