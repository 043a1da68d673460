"""What axe-core finds in a page: where readers with a screen reader, weak eyes or no mouse would stumble."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

__all__ = ["GRAVE", "findings"]

GRAVE = ("serious", "critical")
_AXE = Axe()


def findings(page, within=None, impacts=GRAVE):
    """Return what axe-core finds, a line each: how grave, which rule, where first, and what is wrong there.

    Arguments:
        page: Playwright's page.
        within: CSS selectors of the parts to look at; all of the page if none is given. There must be such parts.
        impacts: How grave a finding must be to be returned.
    """
    context = None
    if within:
        assert page.locator(", ".join(within)).count(), f"there is nothing like {within} to look at"
        context = {"include": [[selector] for selector in within]}
    found = _AXE.run(page, context, {"resultTypes": ["violations"]}).response
    # A selector that matches nothing, or a script that did not run, would find nothing wrong either.
    assert found["passes"], "axe-core looked at nothing"
    return [
        f"{rule['impact']}: {rule['id']} at {len(rule['nodes'])} places, first {rule['nodes'][0]['target']}: "
        f"{rule['nodes'][0]['html'][:160]} {rule['nodes'][0]['failureSummary'][:300]}"
        for rule in found["violations"]
        if rule["impact"] in impacts
    ]
