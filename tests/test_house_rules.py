"""The rules of the house: who may import whom, what a base install loads, that names are ours."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = {"config", "server", "stages", "dashcam_cli"}
NOUNS = {"task", "device", "sighting", "settings", "errors", "places"}
#: Pure words of the stages that the server's pages say too; they load nothing but nouns and what it has.
WORDS = {"stages.why.files", "stages.why.answer", "stages.why.tale", "stages.export.gpx"}
#: What each package may import of ours.
MAY = {
    "stages": {"stages"},
    "config": {"config", "stages"},
    "server": {"server", "config", "stages"},
    "dashcam_cli": {"dashcam_cli", "config", "stages"},
}


@functools.cache
def _nodes(path: Path) -> list[tuple[ast.AST, bool]]:
    """What a file imports and catches, with whether that is inside a function. A file is read once."""
    found, waiting = [], [(ast.parse(path.read_text(encoding="utf-8")), False)]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom | ast.ExceptHandler):
            found.append((node, inside))
        if isinstance(node, ast.stmt | ast.mod | ast.ExceptHandler | ast.match_case):
            within = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            waiting += [(each, within) for each in ast.iter_child_nodes(node)]
    return found


def imports(path):
    """Every module of ours that a file imports, with whether that is inside a function."""
    for node, inside in _nodes(path):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            if name.split(".")[0] in OURS:
                yield name, inside


def files(package):
    """The Python files of a package."""
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.xdist_group("trees")
@pytest.mark.parametrize("package", sorted(MAY))
def test_arrows_point_one_way(package):
    """Packages import only what lies below them; only the server command imports the server, inside a function."""
    for path in files(package):
        for name, inside in imports(path):
            if package == "dashcam_cli" and path.name == "server.py" and name.startswith("server") and inside:
                continue
            assert name.split(".")[0] in MAY[package], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.xdist_group("trees")
def test_server_uses_only_nouns_of_the_stages():
    """The server knows the vocabulary, never the work."""
    for package in ("server", "config"):
        for path in files(package):
            for name, _ in imports(path):
                if name.startswith("stages") and name not in WORDS:
                    assert name.split(".")[1] in NOUNS, f"{path.relative_to(ROOT)} imports {name}"


def loaded(statement, watched):
    """Which of the watched modules a fresh interpreter has after a statement."""
    code = f"import sys; {statement}; print([m for m in {watched!r} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return shown.stdout.strip().splitlines()[-1]


def test_server_loads_no_stage_library():
    """Neither importing the server nor opening its database loads NumPy, OpenCV, ONNX Runtime or PyAV."""
    heavy = ("numpy", "pandas", "cv2", "onnxruntime", "av")
    assert loaded("import server.app", heavy) == "[]"
    opened = "import sqlite3, server.schema; c = sqlite3.connect(':memory:', isolation_level=None); server.schema.migrate(c)"
    assert loaded(opened, heavy) == "[]"


def test_worker_loads_no_server_library():
    """A worker never loads Litestar, and no stage library in its own process."""
    heavy = ("litestar", "uvicorn", "server", "numpy", "cv2", "onnxruntime", "av")
    assert loaded("import dashcam_cli.worker", heavy) == "[]"


def test_worker_imports_without_posix_modules():
    """The worker's modules import where fcntl, resource and pwd do not exist."""
    block = "[sys.modules.__setitem__(m, None) for m in ('fcntl', 'resource', 'pwd', 'grp', 'termios')]"
    assert loaded(f"{block}; import dashcam_cli.worker, dashcam_cli.loop, stages.runner", ("x",)) == "[]"


def test_names_resolve_to_us():
    """The four top-level names are this project's."""
    for name in OURS:
        module = __import__(name)
        assert Path(module.__file__).resolve().is_relative_to(ROOT), name


@pytest.mark.xdist_group("trees")
def test_posix_words_stay_in_platform():
    """Only `platform.py` speaks of signals, locks and process groups."""
    for package in OURS:
        for path in files(package):
            if path.name == "platform.py":
                continue
            for node, _ in _nodes(path):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                assert not {"fcntl", "resource", "signal", "pwd"} & set(names), path


@pytest.mark.xdist_group("trees")
def test_broad_excepts_stand_where_they_are_allowed():
    """Only the task and request boundaries, the writer and the embedded server's thread catch everything."""
    allowed = {"stages/runner.py", "server/writing.py", "server/swift.py", "dashcam_cli/server.py"}
    found = set()
    for package in OURS:
        for path in files(package):
            for node, _ in _nodes(path):
                if isinstance(node, ast.ExceptHandler):
                    name = getattr(node.type, "id", None)
                    if node.type is None or name in ("Exception", "BaseException"):
                        found.add(path.relative_to(ROOT).as_posix())
    assert found <= allowed


def test_locks_name_no_index_and_are_hashed():
    """Each lock has hashes and no address of any index."""
    locks = sorted((ROOT / "constraints").glob("*.txt"))
    assert {"base.txt", "build.txt", "cpu.txt", "gpu.txt", "coral.txt", "dev.txt"} <= {
        lock.name for lock in locks
    }
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        assert "--index-url" not in text, lock.name
        pins = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert pins
        assert all(line.rstrip().endswith("\\") for line in pins), lock.name
