"""Results of the three tests from numbers alone, for tests of what shows them: what is not 0 counts as different."""

from helpers.report import OTHER_STATE, OUTPUTS, OWN_LIFE, SAME_FUTURE, SAME_START, Check, ThreeTestsResult


def result(name, start=None, future=(), own_life=(), moved=(), error=None):
    """Make a result as the engine would, from its distances."""
    start = start or {}
    different = [key for key, distance in start.items() if distance != 0.0]
    checks = []
    if start:
        layers = [key for key in different if key not in (OTHER_STATE, OUTPUTS)]
        checks.append(Check(SAME_START, "weights", not layers, "from numbers"))
        for key, check in ((OTHER_STATE, "other state"), (OUTPUTS, "outputs")):
            if key in start:
                checks.append(Check(SAME_START, check, key not in different, "from numbers"))
    apart = next((step for step, distance in enumerate(future) if distance != 0.0), None)
    tried = len(future) > 1
    why = "from numbers" if tried else "no training step was made yet"
    checks.append(Check(SAME_FUTURE, "training steps", apart is None if tried else None, why))
    tried = len(own_life) > 1
    why = "from numbers" if tried else "no training step was made yet"
    checks.append(Check(OWN_LIFE, "clone keeps still", not any(own_life) if tried else None, why))
    return ThreeTestsResult(
        name,
        [] if error else checks,
        start,
        different,
        future,
        first_apart=apart,
        own_life=own_life,
        moved=moved,
        error=error,
    )
