"""What a page must never do: break the content policy, raise in a script, or shut people out."""

from functools import cache
from pathlib import Path

AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe.min.js"

# Runs before any script of the page; DevTools puts it in, so the policy does not hinder it.
WATCH = """
globalThis.policyBreaks = [];
document.addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event;
  globalThis.policyBreaks.push(`${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber} ${sample}`);
});
"""


@cache
def _axe() -> str:
    return AXE.read_text()


def watch(context):
    """Collect what goes wrong on the pages of a context; returns the list that fills."""
    context.add_init_script(WATCH)
    errors = []
    context.on("weberror", lambda error: errors.append(f"{error.page.url}: {error.error}"))
    return errors


def policy_breaks(page):
    """What the content policy refused on this page so far."""
    return page.evaluate("globalThis.policyBreaks")


def barriers(page):
    """Serious and critical findings of axe, a line for each place."""
    page.evaluate(_axe() + "; null")
    # Without preloading: it would try to add style sheets of its own, which the policy refuses.
    found = page.evaluate("axe.run(document, {resultTypes: ['violations'], preload: false})")
    return [
        f"{finding['id']}: {' '.join(map(str, node['target']))} ({node['failureSummary']})"
        for finding in found["violations"]
        if finding["impact"] in {"serious", "critical"}
        for node in finding["nodes"]
    ]
