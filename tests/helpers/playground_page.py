"""What a reader does on the playground."""

PROBLEM = "3 , 5 > 14 ; 4 , 1 > ?"


def run(tab, until="done", problem=PROBLEM):
    tab.fill("#problem", problem)
    tab.click("#solve")
    tab.wait_for_selector(f"#state[data-state={until}]")


def texts(tab, selector):
    return tab.locator(selector).all_inner_texts()


def until(tab, condition):
    """Waits until a JavaScript expression holds; Playwright's own way would need eval, which the policy forbids."""
    tab.evaluate(f"""async () => {{
      const end = performance.now() + 120000;
      while (!({condition})) {{
        if (performance.now() > end) throw new Error("waited too long");
        await new Promise(requestAnimationFrame);
      }}
    }}""")
