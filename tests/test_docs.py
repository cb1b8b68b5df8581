"""The documentation is true: generated pages are current, every command and setting is explained."""

import importlib.util
import re
from pathlib import Path

import pytest

from config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def generator():
    """docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["reference/commands.md", "reference/settings.md"])
def test_generated_pages_are_current(page):
    """`python docs/generate.py` would change nothing."""
    assert (DOCS / page).read_text(encoding="utf-8") == generator().PAGES[page]()


def test_every_setting_says_what_it_means():
    """No setting stands in the reference without a meaning."""
    module = generator()
    notes = module._notes()
    for table, struct in module._tables("", Settings):
        for field in struct.__struct_fields__:
            kind = {f.name: f.type for f in module.msgspec.structs.fields(struct)}[field]
            if not module._is_table(kind):
                assert notes.get((struct.__name__, field)), f"{table}.{field} has no comment"


def test_links_lead_somewhere():
    """Each relative link in README and docs names a file that is there."""
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_commands_in_prose_exist():
    """Every `dashcam WORD` in the documentation is a command."""
    from typer.main import get_command

    from dashcam_cli.main import app

    known = set(get_command(app).commands)
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        blocks = re.findall(
            r"```(?:sh|ini|console)?\n(.*?)```|`([^`\n]+)`", page.read_text(encoding="utf-8"), re.DOTALL
        )
        for text in (word for pair in blocks for word in pair):
            for word in re.findall(
                r"(?<![\w/-])(?:\.venv/bin/|/opt/dashcam/bin/)?dashcam ([a-z][a-z-]*)", text
            ):
                assert word in known, f"{page.name}: dashcam {word}"
