"""The playground as files that need nothing from outside, and in a real browser against a scripted gateway."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from playground_page import PROBLEM, run, texts, until
from scripted_gateway import HANG_UP, STORY, Refusal, Story, error, pause

from rlad.config.registry import rule
from rlad.serving import playground


# --------------------------------------------------------------------------------------------------- as files
def test_files_refer_to_each_other_and_to_nothing_outside():
    files = playground.files()
    assert {"/", "/playground.js", "/playground.css"} <= set(files)
    html = files["/"][1].decode()
    references = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert references
    for name, (_, content) in files.items():
        imports = re.findall(r'from "\./([^"]+)"', content.decode()) if name.endswith(".js") else []
        references += imports
        urls = set(re.findall(r"https?://[^\s\"']+", content.decode()))
        assert urls <= {"http://www.w3.org/2000/svg"}, name
    assert {f"/{reference}" for reference in references} == set(files) - {"/"}  # all found, and none left over


def test_nothing_in_the_files_needs_a_weaker_policy():
    for name, (_, content) in playground.files().items():
        text = content.decode()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), (
            name
        )
        assert not re.search(r"url\(|@import", text), name
    html = playground.files()["/"][1].decode()
    assert not re.search(r"\bstyle=|<style|\son\w+=|<script(?![^>]*\ssrc=)", html)
    assert "unsafe" not in playground.HEADERS["Content-Security-Policy"]


def test_wheel_carries_every_file():
    root = Path(playground.FOLDER).parents[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["rlad.serving.playground"]
    files = [path.name for path in playground.FOLDER.iterdir() if path.is_file() and path.suffix != ".py"]
    assert len(files) >= len(playground.files())
    assert [name for name in files if not any(fnmatch(name, pattern) for pattern in patterns)] == []


def test_rules_on_offer_exist():
    script = playground.files()["/playground.js"][1].decode()
    offered = re.search(r"const RULES = \{(.*?)\};", script, re.DOTALL)[1]
    names = re.findall(r'(?:^|,)\s*"?([\w-]*)"?:', offered)
    assert "majority" in names
    assert set(names) - {""} <= set(rule.names())


# ------------------------------------------------------------------------------------------ in a real browser
@pytest.mark.browser
def test_type_run_and_see_the_tree(opened, fake):
    tab = opened()
    run(tab)
    asked = fake.requests[0]
    assert (asked.problem, asked.abstractions, asked.solutions, asked.stream) == (PROBLEM, 4, 2, True)
    assert (asked.max_total_tokens, asked.select, asked.gold, asked.deltas) == (None, None, None, True)
    assert texts(tab, ".abstraction p") == list(STORY.branches)
    assert texts(tab, ".solution .value") == ["12", "12", "3", "3.0", "no answer", "12"]
    assert tab.inner_text("#answer") == "12"
    assert tab.inner_text("#because") == "3 of 6 solutions say so"
    assert texts(tab, "#bars .value") == ["12", "3"]
    assert texts(tab, "#bars .votes") == ["✓ 3 votes", "2 votes"]
    assert texts(tab, ".pips .says") == ["12 ×2", "3 ×2", "12"]
    assert texts(tab, ".abstraction .weight") == ["40 % of the vote", "40 % of the vote", "20 % of the vote"]
    assert tab.inner_text("#count-tokens") == f"{STORY.done.usage.completion_tokens}/4,096"
    assert (tab.inner_text("#count-abstractions"), tab.inner_text("#count-solutions")) == ("3/3", "6/6")
    assert tab.inner_text("#count-time") == "412 ms"  # the server's clock, not the page's
    assert tab.inner_text("#state") == "Done"
    assert not tab.is_visible("#cancel")


@pytest.mark.browser
def test_equal_answers_share_a_colour_and_the_winner_is_marked(opened):
    tab = opened()
    run(tab)
    colours = tab.evaluate(
        "[...document.querySelectorAll('.solution')].map((n) => getComputedStyle(n).borderLeftColor)"
    )
    twelve, _, three, three_again, none, last = colours
    assert colours[1] == twelve == last
    assert three == three_again  # 3 and 3.0, counted as one by the server
    assert len({twelve, three, none}) == 3
    assert texts(tab, ".badge")[:2] == ["A", "B"]  # and letters, for who does not see colours
    winners = tab.locator(".solution.wins")
    assert winners.count() == 1
    assert "✓ chosen" in winners.inner_text()
    until(tab, "document.querySelectorAll('#tree path.wins').length === 2")  # problem, abstraction, solution
    assert tab.locator("#tree path").count() == 3 + 6


@pytest.mark.browser
def test_lines_lead_from_box_to_box(opened):
    for width in (1280, 700):
        tab = opened(width)
        run(tab)
        gaps = tab.evaluate("""async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const box = (node) => node.getBoundingClientRect();
          const ends = [...document.querySelectorAll("#tree path")].map((path) => {
            const corner = box(path.ownerSVGElement);
            const end = path.getPointAtLength(path.getTotalLength());
            return [end.x + corner.left, end.y + corner.top];
          });
          return [...document.querySelectorAll(".branches .node")].map((node) => {
            const { left, top, bottom } = box(node);
            return Math.min(...ends.map(([x, y]) => Math.abs(x - left) + Math.max(0, top - y, y - bottom)));
          });
        }""")
        assert len(gaps) == 9
        assert max(gaps) < 1.5


@pytest.mark.browser
def test_tree_grows_while_it_streams(opened, fake):
    pause(fake, "abstraction", 2)
    pause(fake, "solution_delta", 2)
    tab = opened()
    run(tab, "busy")
    until(tab, "document.querySelectorAll('.abstraction[data-state=done]').length === 2")
    assert tab.inner_text("#state") == "Writing abstractions"
    assert tab.locator(".solution[data-state=waiting]").count() == 6  # places, before there is anything in them
    assert not tab.is_visible("#verdict")
    fake.release()
    tab.wait_for_selector(".solution[data-state=writing]")
    until(tab, "document.querySelector('.peek').textContent === '6 + 5 = 11 ; 9 + 3 = 12 '")
    assert tab.inner_text("#state") == "Solving"
    assert tab.get_attribute("#solve", "aria-disabled") == "true"
    tab.focus("#solve")
    tab.keyboard.press("Enter")
    fake.release()
    tab.wait_for_selector("#state[data-state=done]")
    assert tab.locator(".solution[data-state=done]").count() == 6
    assert len(fake.requests) == 1  # the second try, while it ran, asked for nothing


@pytest.mark.browser
@pytest.mark.parametrize("how", ["button", "escape"])
def test_cancel(opened, fake, how):
    pause(fake)
    tab = opened()
    run(tab, "busy")
    tab.wait_for_selector("#bars li")
    tab.keyboard.press("Escape") if how == "escape" else tab.click("#cancel")
    tab.wait_for_selector("#state[data-state=idle]")
    assert fake.hung_up.wait(60)  # the server stops working for nobody
    assert tab.inner_text("#state") == "Cancelled"
    assert tab.inner_text("#answer") == "12"  # what had come stays
    assert tab.locator(".solution[data-state=unused]").count() == 5
    assert texts(tab, ".solution[data-state=unused] .peek") == ["cancelled"] * 5
    assert not tab.is_visible("#failure")
    fake.script = STORY.script()
    tab.click("#solve")
    tab.wait_for_selector("#state[data-state=done]")
    assert tab.locator(".solution[data-state=done]").count() == 6
    assert tab.locator("#bars li").count() == 2  # nothing of the first run is left


@pytest.mark.browser
@pytest.mark.parametrize(
    ("stopped", "state", "words"),
    [
        ("decided", "Decided", "not needed"),
        ("settled", "Settled", "not worth its tokens"),
        ("budget", "Budget spent", "the budget was spent"),
        ("complete", "Done", "no further one was found"),
    ],
)
def test_places_that_stay_empty_say_why(opened, fake, stopped, state, words):
    branches = {"one way": [("it is 7", "7")], "another": [("7 again", "7"), ("7 too", "7")]}
    fake.script = Story(branches, wanted=(3, 2), stopped=stopped, leaks=("another",)).script()
    tab = opened()
    run(tab)
    assert tab.inner_text("#state") == state
    assert texts(tab, ".abstraction[data-state=unused] p") == [words]
    assert texts(tab, ".solution[data-state=unused] .peek") == [words]
    assert tab.inner_text(".leak") == "gives the answer away"
    assert tab.locator("#tree path").count() == 3 + 4


@pytest.mark.browser
def test_without_abstractions_and_without_answers(opened, fake):
    fake.script = Story({"": [("I do not know.", None), ("Nor do I.", None)]}).script()
    tab = opened()
    tab.focus("#abstractions")
    tab.keyboard.press("Home")
    assert tab.inner_text("output[for=abstractions]") == "none"
    run(tab)
    assert fake.requests[0].abstractions == 0
    assert texts(tab, ".abstraction p") == ["solved directly"]
    assert texts(tab, ".solution .value") == ["no answer"] * 2
    assert tab.inner_text("#answer") == "none"
    assert tab.inner_text("#because") == "No solution had an answer that could be read."


# ------------------------------------------------------------------------------------------------------- errors
@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "words"),
    [
        (Refusal(413, "The problem is too long."), "The problem is too long."),
        (Refusal(422, "abstractions is at most 8."), "abstractions is at most 8."),
        (Refusal(429, "The server is busy.", {"Retry-After": "7"}), "The server is busy. It asks to wait 7 s."),
        (Refusal(503, ""), "The server refused with status 503."),
        ([STORY.start, error("The solver has died.")], "The solver has died."),
        ([STORY.start, STORY.abstractions[0], HANG_UP], "The server closed the stream before the run was done."),
        ([STORY.start, "{oops"], "The server sent something that is not JSON."),
    ],
)
def test_errors_are_shown_and_can_be_tried_again(opened, fake, script, words):
    fake.script = script
    tab = opened()
    run(tab, "failed")
    assert words in tab.inner_text("#failure p")
    assert tab.locator("[role=alert]").inner_text().startswith(words)
    assert tab.inner_text("#state") == "Failed"
    fake.script = STORY.script()
    tab.get_by_role("button", name="Try again").click()
    tab.wait_for_selector("#state[data-state=done]")
    assert not tab.is_visible("#failure")


@pytest.mark.browser
def test_server_that_is_gone(opened):
    tab = opened()
    tab.route("**/v1/solve", lambda route: route.abort("connectionrefused"))
    run(tab, "failed")
    assert tab.inner_text("#failure p").startswith("The server does not answer.")


@pytest.mark.browser
def test_key_is_asked_for_and_kept_in_this_tab_only(opened, fake):
    fake.key = "open sesame"
    tab = opened()
    run(tab, "failed")
    assert tab.inner_text("#failure p") == "This server wants a key."
    assert tab.evaluate("document.activeElement.id") == "key"
    tab.keyboard.type("open sesame")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#state[data-state=done]")
    assert tab.evaluate("Object.values(sessionStorage)") == ["open sesame"]
    assert tab.evaluate("[localStorage.length, document.cookie, location.search]") == [0, "", ""]
    tab.reload()
    assert tab.input_value("#key") == "open sesame"
    other = tab.context.new_page()
    other.goto(fake.url)
    assert other.input_value("#key") == ""


@pytest.mark.browser
def test_what_models_write_is_text(opened, fake):
    evil = "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'><b>bold</b>"
    fake.script = Story({evil: [(evil, evil)]}, leaks=(evil,)).script()
    tab = opened()
    run(tab, problem=evil)
    tab.locator(".solution summary").click()
    for selector in (".root p", ".abstraction p", ".solution pre", ".solution .value", "#answer", "#bars .value"):
        assert tab.locator(selector).text_content() == evil
    fake.script = Refusal(422, evil)
    run(tab, "failed", problem=evil)
    assert tab.locator("#failure p").text_content() == evil
    assert tab.locator("main b, main script, main img").count() == 0
    assert tab.evaluate("window.owned") is None


@pytest.mark.browser
def test_stream_may_be_cut_anywhere(opened):
    read = """async (text) => {
      const { events } = await import("./stream.js");
      const bytes = new TextEncoder().encode(text);
      const chunks = [...bytes].map((byte) => Uint8Array.of(byte));
      const body = new ReadableStream({ pull: (out) => (chunks.length ? out.enqueue(chunks.shift()) : out.close()) });
      const found = [];
      for await (const event of events(body)) found.push(event);
      return found;
    }"""
    tab = opened()
    text = (
        ': alive\n\ndata: {"a": "π"}\n\r\ndata:{"a":\r\ndata: "é"}\r\n\r\n: alive\n\ndata: [DONE]\n\ndata: {"a": "cut'
    )
    assert tab.evaluate(read, text.replace("\n\r\n", "\r\n\r\n")) == [{"a": "π"}, {"a": "é"}]


@pytest.mark.browser
def test_answer_that_is_listed_in_another_form_later_keeps_its_colour(opened, fake):
    branches = {"one": [("?", None), ("so 1/2", "1/2")], "two": [("0.5", "0.5"), ("3", "3")]}
    fake.script = Story(branches, same={"1/2": "half", "0.5": "half"}, select="weighted_majority").script()
    tab = opened()
    run(tab)  # 0.5 comes first, then the vote lists it as 1/2, which stands before it in the tree
    assert texts(tab, "#bars .value") == ["1/2", "3"]
    assert texts(tab, "#bars .votes") == ["✓ weight 2", "weight 1"]
    assert texts(tab, ".solution .badge") == ["–", "A", "A", "B"]
