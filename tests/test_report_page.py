"""The report's page in a real browser: clicks, keys, filters, a phone, paper, and texts that mean harm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from socratic_cli import sources
from socratic_cli.records import Exchange, Problem, Solution, Step
from socratic_cli.report import Curve, Fault, Findings, write
from socratic_cli.report.model import Case, Outcome
from tests import chromium, plausible
from tests.gathering import gather

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = '"></script><img src=x onerror="window.struck=1"><script>window.struck=1</script><b>bold</b>'
ARMS = 5


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def findings() -> Findings:
    problems = list(islice(sources.resolve("arithmetic:2-9/test", limit=400), 400))
    written = list(plausible.solutions(problems, ARMS))
    curve = Curve("socratic", "solver", "training loss", tuple((step, 1 / step) for step in range(1, 50)))
    return gather(written, fault_of=plausible.fault_of, curves=[curve])


@pytest.fixture(scope="module")
def report(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(findings, tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """A page that must neither log, nor fail, nor ask for anything."""
    with chromium.visit(browser, report) as (opened, heard):
        yield opened
    assert heard.errors == []
    assert heard.console == []
    assert heard.requests == [report.as_uri()]


def counted(page: Page) -> int:
    """Return how many problems the page says it shows."""
    return int(page.inner_text("#count").split()[0].replace(",", ""))


def outcomes(findings: Findings, at: int) -> list[str]:
    return [attempt.outcome for case in findings.cases if (attempt := case.attempts[at])]


def test_only_rows_in_sight_exist_and_the_last_one_is_reached(page: Page, findings: Findings) -> None:
    assert counted(page) == len(findings.cases) == 400
    assert page.locator(".row").count() < 40
    page.locator("#list").evaluate("list => list.scrollTop = list.scrollHeight")
    page.wait_for_selector("#row-399")
    assert page.locator(".row").count() < 40
    page.click("#row-399")
    assert "400 of 400" in page.inner_text(".where")
    assert page.inner_text(".question") == findings.cases[-1].problem.question


def test_a_problem_is_shown_step_by_step_with_right_and_wrong_marked(page: Page, findings: Findings) -> None:
    at = next(
        at
        for at, case in enumerate(findings.cases)
        if (attempt := case.attempts[2]) and attempt.fault and attempt.fault.step is not None
    )
    case = findings.cases[at]
    attempt = case.attempts[2]
    assert attempt is not None
    assert attempt.fault is not None
    page.fill("#search", case.problem.id)
    page.locator(".row", has_text=case.problem.question[:60]).first.click()
    columns = page.locator(".column")
    assert columns.count() == ARMS + 1
    gold = columns.first.locator("li").all_inner_texts()
    assert all((step.subquestion or "") in text for step, text in zip(case.problem.steps, gold, strict=True))
    column = columns.nth(3)
    assert "wrong" in column.locator(".verdict").inner_text()
    step = column.locator("li").nth(attempt.fault.step or 0)
    assert f"first fault: {attempt.fault.kind}" in step.inner_text()
    assert column.locator(".sign").count() == len(attempt.solution.steps)


def test_search_finds_questions_steps_and_answers_and_marks_the_words(page: Page, findings: Findings) -> None:
    word = findings.cases[7].problem.question.split()[0]
    page.fill("#search", f"  {word.upper()} ")
    wanted = sum(any(word.lower() in text.lower() for text in said(case)) for case in findings.cases)
    assert 0 < counted(page) == wanted < 400
    assert word.lower() in {text.lower() for text in page.locator("mark").all_inner_texts()}
    page.fill("#search", "no such words at all")
    assert counted(page) == 0
    assert page.inner_text("#list") == "No problem meets all of this."
    assert page.inner_text("#problem") == ""
    page.click("#clear")
    assert counted(page) == 400


def said(case: Case) -> list[str]:
    """Return all texts of a case that a search looks at."""
    solutions = [attempt.solution for attempt in case.attempts if attempt]
    steps = [*case.problem.steps, *(step for one in solutions for step in one.steps)]
    return [
        case.problem.id,
        case.problem.question,
        *(text for step in steps for text in (step.subquestion or "", step.solution)),
        *(one.answer or "" for one in solutions),
        *(turn.reply for one in solutions if not one.steps for turn in one.trace),
    ]


def test_conditions_on_arms_choose_by_outcome_reason_and_fault(page: Page, findings: Findings) -> None:
    first = page.locator(".condition").first
    page.click("#add")
    first.get_by_label("Arm", exact=True).select_option(label="cot")
    for what in ("correct", "wrong", "unanswered"):
        first.get_by_label("What it did").select_option(what)
        assert counted(page) == outcomes(findings, 2).count(what)
    reasons = [attempt.solution.unanswered for case in findings.cases if (attempt := case.attempts[2])]
    first.get_by_label("What it did").select_option("reason:truncated")
    assert counted(page) == reasons.count("truncated") > 0
    kinds = [attempt.fault.kind for case in findings.cases if (attempt := case.attempts[2]) and attempt.fault]
    first.get_by_label("What it did").select_option("fault:wrong operation")
    assert counted(page) == kinds.count("wrong operation") > 0
    page.get_by_label("Remove the condition").click()
    assert counted(page) == 400


def test_two_conditions_find_what_one_arm_solves_and_the_other_does_not(page: Page, findings: Findings) -> None:
    for at, (arm, what) in enumerate((("socratic", "correct"), ("cot", "not-correct"))):
        page.click("#add")
        page.locator(".condition").nth(at).get_by_label("Arm", exact=True).select_option(label=arm)
        page.locator(".condition").nth(at).get_by_label("What it did").select_option(what)
    pairs = list(zip(outcomes(findings, 4), outcomes(findings, 2), strict=True))
    wanted = sum(one == "correct" and other != "correct" for one, other in pairs)
    assert counted(page) == wanted > 0
    # The table of comparisons says the same number, and leads to the same problems.
    page.click("#clear")
    cell = page.locator(".matrix tbody tr").nth(4).locator("td").nth(2)
    assert int(cell.inner_text()) == wanted
    cell.locator("button").click()
    assert counted(page) == wanted


@pytest.mark.parametrize(
    ("agreement", "is_so"),
    [
        ("all", lambda found: set(found) == {"correct"}),
        ("none", lambda found: "correct" not in found),
        ("disagree", lambda found: "correct" in found and set(found) != {"correct"}),
    ],
)
def test_arms_agree_or_not(
    page: Page, findings: Findings, agreement: str, is_so: Callable[[list[Outcome]], bool]
) -> None:
    page.select_option("#agreement", agreement)
    found = [[attempt.outcome for attempt in case.attempts if attempt] for case in findings.cases]
    assert counted(page) == sum(map(is_so, found)) > 0


def test_numbers_of_steps_are_chosen(page: Page, findings: Findings) -> None:
    steps = [len(case.problem.steps) for case in findings.cases]
    buttons = page.locator("#step-counts button")
    assert buttons.all_inner_texts() == [str(count) for count in sorted(set(steps))]
    buttons.nth(0).click()
    assert counted(page) == steps.count(2)
    buttons.last.click()
    assert counted(page) == steps.count(2) + steps.count(max(steps))
    buttons.nth(0).click()
    assert counted(page) == steps.count(max(steps))


def test_very_many_steps_are_one_choice(page: Page) -> None:
    held = page.evaluate("[14, 15, 16, 40].map((count) => meetsSteps({ problem: { steps: Array(count) } }, [15]))")
    assert held == [False, True, True, True]


def test_a_number_of_the_steps_table_leads_to_its_problems(page: Page, findings: Findings) -> None:
    page.locator(".steps tbody tr").nth(2).locator("button").nth(1).click()
    assert counted(page) == findings.arms[2].by_steps[3].correct


def test_arms_are_hidden_and_shown(page: Page) -> None:
    page.locator(".shown button").nth(1).click()
    assert page.locator(".column").count() == ARMS
    page.click("#next")
    assert page.locator(".column").count() == ARMS
    page.locator(".shown button").nth(1).click()
    assert page.locator(".column").count() == ARMS + 1


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.press("Escape")
    page.focus("#list")
    for key, at in (("ArrowDown", 1), ("End", 399), ("ArrowDown", 399), ("Home", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.get_attribute("#list", "aria-activedescendant") == f"row-{at}"
        assert page.get_attribute(f"#row-{at}", "aria-selected") == "true"
        assert f"{at + 1} of 400" in page.inner_text(".where")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "problem"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "list"


def test_the_address_remembers_the_choice(browser: Browser, page: Page, report: Path) -> None:
    page.select_option("#agreement", "disagree")
    page.locator("#step-counts button").nth(1).click()
    page.click("#add")
    page.locator("#row-3").click()
    count, question = counted(page), page.inner_text(".question")
    address = page.evaluate("location.hash")
    with chromium.visit(browser, report, address) as (again, _):
        assert counted(again) == count
        assert again.inner_text(".question") == question
        assert again.locator(".condition").count() == 1


@pytest.mark.parametrize(
    "address", ["#problems?if=99%20wrong&steps=x&arms=%00&id=none&q=%F0", "#problems?if=any", "#x"]
)
def test_an_address_that_makes_no_sense_does_no_harm(browser: Browser, report: Path, address: str) -> None:
    with chromium.visit(browser, report, address) as (opened, heard):
        assert opened.locator("#count").inner_text()
    assert heard.errors == []


def test_at_a_desk_no_table_is_wider_than_the_page(page: Page) -> None:
    wide = "sheets => sheets.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText.slice(0, 80))"
    assert page.locator(".sheet").count() > 4
    assert page.locator(".sheet").evaluate_all(wide) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_without_scrolling_sideways(browser: Browser, report: Path, scheme: str) -> None:
    phone = {"width": 390, "height": 844}
    with chromium.visit(browser, report, viewport=phone, color_scheme=scheme, has_touch=True) as (page, heard):
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.locator("#row-2").tap()
        assert page.locator("#problem").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 844}
        assert page.locator("#problem").evaluate("article => article.scrollWidth") <= 390
        assert page.locator(".column").first.is_visible()
        page.click("#next")
        assert "4 of 400" in page.inner_text(".where")
        page.go_back()
        assert not page.locator("#problem").is_visible()
        page.locator("#row-5").tap()
        page.locator(".back").tap()
        assert not page.locator("#problem").is_visible()
    assert heard.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(browser: Browser, report: Path, scheme: str) -> None:
    """WCAG AA: 4.5 to 1 for texts, 3 to 1 for marks and lines that carry a meaning."""
    with chromium.visit(browser, report, color_scheme=scheme) as (page, _):
        names = ["ink", "muted", "accent", "right", "wrong", "none", *(f"arm-{at}" for at in range(8))]
        read = "names => names.map(name => getComputedStyle(document.documentElement).getPropertyValue('--' + name))"
        colours = dict(zip(names, page.evaluate(read, names), strict=True))
        for back in page.evaluate(read, ["paper", "raised"]):
            for name, colour in colours.items():
                assert contrast(colour, back) >= (3 if name.startswith("arm-") else 4.5), (name, colour, back)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""
    light, dark = sorted((luminance(one.strip()), luminance(other.strip())), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_on_paper_are_the_tables_and_the_open_problem(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.locator("#scores table").first.is_visible()
    assert page.locator("#problem .question").is_visible()
    assert not page.locator("#list").is_visible()
    assert not page.locator("nav").is_visible()


def test_names_of_controls_are_told(page: Page) -> None:
    """Every control has a name for who does not see the page."""
    page.click("#add")
    snapshot = page.locator("#problems").aria_snapshot()
    nameless = [line for line in snapshot.splitlines() if line.strip() in ("- button", "- combobox", "- textbox")]
    assert nameless == []
    assert "listbox" in snapshot


def test_texts_that_mean_harm_are_texts(browser: Browser, tmp_path: Path) -> None:
    problem = Problem(id=HOSTILE, question=HOSTILE, answer=HOSTILE, steps=(Step(solution=HOSTILE),), facts=(HOSTILE,))
    trace = (Exchange(role=HOSTILE, prompt="", reply=HOSTILE),)
    steps = (Step(subquestion=HOSTILE, solution=f"{HOSTILE} <<{HOSTILE}=1>>"),)
    hostile = [
        Solution(problem=problem, scheme=HOSTILE, author=HOSTILE, steps=steps, answer=HOSTILE, votes={HOSTILE: 1}),
        Solution(problem=problem, scheme="cot", author="b", unanswered="failed", trace=trace),
        Solution(problem=problem, scheme="cot", author=json.dumps(HOSTILE), answer="1"),
    ]
    fault = Fault(HOSTILE, 0, HOSTILE)
    curve = Curve(HOSTILE, HOSTILE, "training loss", ((1, 1.0),))
    path = write(gather(hostile, fault_of=lambda _: fault, curves=[curve]), tmp_path)
    with chromium.visit(browser, path) as (page, heard):
        page.click("#add")
        page.get_by_label("What it did").select_option(f"fault:{HOSTILE}")
        page.fill("#search", "<b>bold")
        page.locator("#row-0").click()
        page.locator("#row-0").hover()
        assert page.locator(".question").inner_text().startswith('"></script><img')
        assert page.locator("img").count() == 0
        assert "bold" not in page.locator("b").all_text_contents()
        assert page.evaluate("window.struck") is None
    assert heard.errors == []
    assert heard.console == []
    assert heard.requests == [path.as_uri()]


def test_the_page_s_policy_stops_what_an_escape_would_let_through(browser: Browser, report: Path) -> None:
    """The second wall: markup that came in all the same could not run."""
    with chromium.visit(browser, report) as (page, heard):
        page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", HOSTILE)
        page.evaluate(
            "() => { const s = document.createElement('script'); s.text = 'window.struck=1'; document.body.append(s); }"
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.struck") is None
    assert any("Content Security Policy" in line for line in heard.console)


def test_a_single_arm_on_a_single_problem_is_a_report_too(browser: Browser, tmp_path: Path) -> None:
    problem = Problem(id="1", question="How many?", answer="5")
    path = write(gather([Solution(problem=problem, scheme="answer", author="a", answer="5")]), tmp_path)
    with chromium.visit(browser, path) as (page, heard):
        assert page.inner_text("#count") == "1 problem"
        assert page.locator(".column").count() == 2
        assert not page.locator("#step-counts").is_visible()
    assert heard.errors == []


def test_data_that_cannot_be_read_is_told_and_the_tables_stay(browser: Browser, report: Path, tmp_path: Path) -> None:
    text = report.read_text(encoding="utf-8")
    start = text.index('type="text/plain">') + len('type="text/plain">')
    path = tmp_path / "torn.html"
    path.write_text(f"{text[: start + 400]}{text[text.index('</script>', start) :]}", encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("#trouble:visible")
    assert "cannot be shown" in page.inner_text("#trouble")
    assert page.locator("#scores table").first.is_visible()
    context.close()
