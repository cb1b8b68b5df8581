"""The `dashcam` command."""

import sys

# httpx brings a command line of its own, which loads half a dozen libraries where they are installed: without
# it each of our commands starts a fifth sooner. httpx takes its absence for "not installed".
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
