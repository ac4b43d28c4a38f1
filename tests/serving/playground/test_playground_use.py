"""The playground for everybody: by keyboard, on a phone, in the dark, read aloud, without motion."""

import pytest
from playground_page import PROBLEM, run, texts, until
from scripted_gateway import STORY, Refusal, Story, pause

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement"


def tab_to(tab, selector, most=30):
    """Presses Tab until an element has the focus; every stop on the way must show it."""
    for _ in range(most):
        tab.keyboard.press("Tab")
        assert tab.evaluate(f"getComputedStyle({FOCUSED}).outlineStyle") != "none", tab.evaluate(f"{FOCUSED}.outerHTML")
        if tab.evaluate(f"{FOCUSED}.matches({selector!r})"):
            return
    raise AssertionError(f"{selector} cannot be reached with Tab")


def test_a_run_by_keyboard_alone(opened, fake):
    tab = opened()
    tab_to(tab, "#problem")
    tab.keyboard.type(PROBLEM)
    tab_to(tab, "#abstractions")
    tab.keyboard.press("ArrowRight")
    tab_to(tab, "#tokens")
    tab.keyboard.press("Home")
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector("#state[data-state=done]")
    assert (fake.requests[0].abstractions, fake.requests[0].max_total_tokens) == (5, 128)
    tab_to(tab, "#bars button")
    tab.keyboard.press("Enter")
    assert tab.locator(".solution.aside").count() == 3  # all that do not answer 12
    assert tab.get_attribute("#bars button >> nth=0", "aria-pressed") == "true"
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".aside", state="detached")  # the lines follow with the next frame
    tab_to(tab, ".solution summary")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert texts(tab, ".solution[open] pre") == ["so it is 12"]
    tab.keyboard.press("End")
    assert "once more" in tab.evaluate(f"{FOCUSED}.innerText")


def test_places_that_are_empty_are_no_stops(opened, fake):
    pause(fake)
    tab = opened()
    run(tab, "busy")
    tab.wait_for_selector("#bars li")
    assert tab.locator(".solution[data-state=waiting] summary:not([tabindex='-1'])").count() == 0
    tab.locator(".solution[data-state=waiting] summary").first.click()
    assert tab.locator(".solution[open]").count() == 0
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#state[data-state=idle]")


def test_focus_is_never_lost(opened, fake):
    fake.script = Refusal(503, "Not now.")
    tab = opened()
    run(tab, "failed")
    fake.script = STORY.script()
    pause(fake)
    tab.focus("#again")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#bars li")
    assert tab.evaluate(f"{FOCUSED}.id") == "cancel"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#state[data-state=idle]")
    assert tab.evaluate(f"{FOCUSED}.id") == "solve"


def test_examples_fill_the_problem_and_budgets_are_drawn(opened, fake):
    tab = opened()
    tab.get_by_role("button", name="Induction").click()
    assert tab.input_value("#problem") == PROBLEM
    assert tab.inner_text(".root p") == PROBLEM
    assert tab.evaluate(f"{FOCUSED}.id") == "problem"
    assert tab.locator("#tree .solution").count() == 8
    tab.focus("#solutions")
    tab.keyboard.press("End")
    assert tab.locator("#tree .solution").count() == 32
    assert tab.inner_text("#plan") == "at most 32 solutions"
    assert tab.get_attribute("#tokens", "aria-valuetext") == "no limit"
    assert fake.requests == []


def test_examples_are_the_pairs_own_where_it_knows_some(opened, fake):
    story = "Anna had 46 coins and gave 18 of them to Ben. How many coins does Anna have left?"
    fake.examples = [story, PROBLEM]
    tab = opened()
    tab.get_by_role("button", name="Anna had 46 coins and gave 18 of them to Be…").click()
    assert tab.input_value("#problem") == story
    assert texts(tab, "#examples button")[1:] == [PROBLEM]


def test_empty_problem_is_not_sent(opened, fake):
    tab = opened()
    for text in ("", "   "):  # the browser says that something is missing
        tab.fill("#problem", text)
        tab.click("#solve")
    assert not tab.is_visible("#state")
    assert fake.requests == []


def test_options_under_more_are_sent(opened, fake):
    tab = opened()
    tab.locator("#more summary").click()
    tab.fill("#gold", "12")
    tab.uncheck("#early")
    tab.select_option("#select", "majority")
    run(tab)
    asked = fake.requests[0]
    assert (asked.gold, asked.early_stop, asked.select) == ("12", False, "majority")


def test_progress_is_told(opened, fake):
    pause(fake, "start")
    tab = opened()
    tab.evaluate("""() => {
      window.told = [];
      const news = document.querySelector("[aria-live=polite]");
      new MutationObserver(() => told.push(news.textContent)).observe(news, { childList: true });
    }""")
    run(tab, "busy")
    until(tab, "told.length === 1")
    fake.release()
    tab.wait_for_selector("#state[data-state=done]")
    told = tab.evaluate("told")
    assert told[0] == "Started: 3 abstractions, 2 solutions with each."
    assert told[-1] == "Done: the answer is 12."
    assert len(told) < len(STORY.script()) / 2  # not every token


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark")])
def test_phone_has_no_horizontal_scroll(opened, fake, width, scheme):
    endless = "x" * 300
    fake.script = Story({endless: [(endless, endless), ("7", "7")], "short": [("7", "7"), (endless, None)]}).script()
    fits = "document.documentElement.scrollWidth"
    tab = opened(width, 640, color_scheme=scheme)
    assert tab.evaluate(fits) == width
    tab.locator("#more summary").click()
    assert tab.evaluate(fits) == width
    run(tab, problem=endless)
    assert tab.evaluate(fits) == width
    tab.get_by_role("button", name="Open all solutions").click()
    assert tab.locator(".solution[open]").count() == 4
    assert tab.evaluate(fits) == width
    fake.script = Refusal(422, endless)
    run(tab, "failed")
    assert tab.evaluate(fits) == width


def test_phone_sees_the_run_and_can_cancel_it(opened, fake):
    pause(fake)
    tab = opened(360, 640)
    run(tab, "busy")
    until(tab, "document.querySelector('#bar').getBoundingClientRect().bottom < innerHeight * 0.8")
    for selector in ("#cancel", "#solve", ".solution summary >> nth=0", "#bars button >> nth=0"):
        assert tab.locator(selector).bounding_box()["height"] >= 24, selector  # WCAG 2.5.8
    tab.locator(".solution").last.scroll_into_view_if_needed()
    assert tab.locator("#cancel").bounding_box()["y"] >= 0  # the bar sticks
    tab.click("#cancel")
    tab.wait_for_selector("#state[data-state=idle]")


CONTRAST = """(selector) => {
  const rgba = (css) => { const c = css.match(/[\\d.]+/g).map(Number); return [...c.slice(0, 3), c[3] ?? 1]; };
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith("rgb") && rgba(colour)[3] === 1) return rgba(colour);
    }
  };
  const shown = [...document.querySelectorAll(selector)].filter((n) => n.checkVisibility() && n.textContent.trim());
  return shown.map((node) => {
    const [text, ground] = [rgba(getComputedStyle(node).color), back(node)].map(light);
    return [(Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05), node.outerHTML.slice(0, 120)];
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_both_colour_schemes(opened, fake, scheme):
    branches = {f"way {i}": [(f"so {i}", str(i)), ("?", None)] for i in range(9)}  # more answers than colours
    fake.script = Story(branches, wanted=(10, 3), stopped="decided", leaks=("way 3",)).script()
    tab = opened(color_scheme=scheme)
    run(tab)
    until(tab, "document.getAnimations().length === 0")
    ratios = tab.evaluate(CONTRAST, "p, h1, h2, dt, dd, label, button, summary, summary span, .label span, .says, kbd")
    fake.script = Refusal(422, "no")
    run(tab, "failed")
    ratios += tab.evaluate(CONTRAST, "#failure p, #failure button")
    assert len(ratios) > 100
    assert min(ratios)[0] >= 4.5, min(ratios)  # WCAG AA


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_motion_is_reduced_where_asked(opened, fake, motion):
    pause(fake, "solution_delta")
    tab = opened(reduced_motion=motion)
    run(tab, "busy")
    tab.wait_for_selector(".solution[data-state=writing]")
    moving = tab.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length")
    assert (moving > 0) == (motion == "no-preference")
    tab.keyboard.press("Escape")
    tab.wait_for_selector("#state[data-state=idle]")
