"""Waiting in a page whose policy forbids `eval`: Playwright's own waiting for a function needs it."""

from __future__ import annotations

import time
from typing import Any


def until(tab: Any, expression: str, seconds: float = 30) -> Any:
    """Ask the page again and again, by the debugger, until an expression is true; its value."""
    end = time.monotonic() + seconds
    while True:
        found = tab.evaluate(expression)
        if found:
            return found
        assert time.monotonic() < end, f"never true: {expression}"
        time.sleep(0.05)
