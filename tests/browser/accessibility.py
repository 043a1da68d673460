"""Accessibility problems that axe-core finds in a page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

__all__ = ["GRAVE", "findings"]

GRAVE = ("serious", "critical")
_AXE = Axe()


def findings(page, within=None, without=(), impacts=GRAVE, rules=None):
    """Return the findings of axe-core, one line each: impact, rule, first element, and description.

    Args:
        page: Playwright's page.
        within: CSS selectors of the parts to check, which must exist; by default the whole page.
        without: CSS selectors of the parts to leave out.
        impacts: The impacts of findings to return.
        rules: The rules to check, such as "color-contrast"; by default all.
    """
    context = None
    if within:
        assert page.locator(", ".join(within)).count(), f"there is nothing like {within} to look at"
        context = {"include": [[selector] for selector in within], "exclude": [[selector] for selector in without]}
    # With preload, axe-core would fetch the style sheets again, which a browser forbids for files on a disk.
    options = {"resultTypes": ["violations"], "preload": False, **({"runOnly": list(rules)} if rules else {})}
    found = _AXE.run(page, context, options).response
    # An element that is covered, or not shown yet, would have no contrast that axe-core could check.
    sound = {rule["id"] for rule in [*found["passes"], *found["violations"]]}
    assert "color-contrast" in sound, f"axe-core could not see any text, only {sorted(sound)}"
    return [
        f"{rule['impact']}: {rule['id']} at {len(rule['nodes'])} places, first {rule['nodes'][0]['target']}: "
        f"{rule['nodes'][0]['html'][:160]} {rule['nodes'][0]['failureSummary'][:300]}"
        for rule in found["violations"]
        if rule["impact"] in impacts
    ]
