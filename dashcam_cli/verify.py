"""`dashcam verify`: evidence, archives and finished folders, file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dashcam_cli.bar import Bar
from dashcam_cli.output import FAILED, leave, print_json, printable, say
from stages.errors import BadInput
from stages.export.verdict import Verdict
from stages.export.verify import targets, verify

_SHOWN = 50  # problems of one folder that are printed


def verify_paths(paths: list[Path], as_json: bool) -> None:
    """One line for each thing that was checked; exit 1 when something is not as it was written."""
    sound, done = True, []
    for path in paths:
        try:
            found = targets(path)
        except (BadInput, OSError) as error:
            sound = False
            done.append(_refused(path, error, as_json))
            continue
        for target in found:
            try:
                verdict = _checked(target)
            except (BadInput, OSError) as error:
                sound = False
                done.append(_refused(target, error, as_json))
                continue
            sound = sound and verdict.ok
            done.append(_plain(verdict))
            if not as_json:
                _print(verdict)
    if as_json:
        print_json({"ok": sound, "checked": done})
    if not sound:
        leave(FAILED)


def _checked(target: Path) -> Verdict:
    """Check with a bar by bytes; how many there are is known once it is open, so it counts by files first."""
    with Bar(f"checking {target.name}") as bar:
        total = max(1, _bytes_below(target))
        done = 0

        def tell(name: str, size: int) -> None:
            nonlocal done
            done += size
            bar(min(1.0, done / total), name)

        return verify(target, tell)


def _bytes_below(target: Path) -> int:
    if not target.is_dir():
        return target.stat().st_size
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file() and not path.is_symlink())


def _plain(verdict: Verdict) -> dict[str, Any]:
    return {
        "path": verdict.path,
        "kind": verdict.kind,
        "ok": verdict.ok,
        "files": verdict.files,
        "size_bytes": verdict.size_bytes,
        "sha256sums_sha256": verdict.seal,
        "problems": [{"path": each.path, "what": each.what, "why": each.why} for each in verdict.problems],
        "ignored": verdict.ignored,
    }


def _refused(path: Path, error: Exception, as_json: bool) -> dict[str, Any]:
    why = getattr(error, "strerror", None) or str(error)
    if not as_json:
        say(f"dashcam: {printable(str(path))}: {printable(why)}")
    return {
        "path": str(path),
        "kind": "unknown",
        "ok": False,
        "problems": [{"path": ".", "what": "unreadable", "why": why}],
    }


def _print(verdict: Verdict) -> None:
    path = printable(verdict.path)
    if verdict.ok:
        seal = f", SHA-256 of SHA256SUMS: {verdict.seal}" if verdict.seal else ""
        print(f"{path}: {verdict.kind} as it was written, {verdict.files} files{seal}")  # noqa: T201
    else:
        print(f"{path}: {verdict.kind} NOT as it was written")  # noqa: T201
    for problem in verdict.problems[:_SHOWN]:
        print(f"  {problem.what}: {printable(problem.path)} {printable(problem.why)}")  # noqa: T201
    if len(verdict.problems) > _SHOWN:
        print(f"  and {len(verdict.problems) - _SHOWN} more")  # noqa: T201
    if verdict.ignored:
        print(f"  passed over: {printable(', '.join(verdict.ignored[:10]))}")  # noqa: T201
