"""`queries.sql`, read once: a statement by its name."""

from __future__ import annotations

import re
from pathlib import Path

_NAMED = re.compile(r"^-- (\w+) --\n", re.MULTILINE)


def _read(text: str) -> dict[str, str]:
    parts = _NAMED.split(text)
    return {name: sql.strip().rstrip(";") for name, sql in zip(parts[1::2], parts[2::2], strict=True)}


SQL = _read(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
