"""What is written beside the code stays true: requirement files, make targets, links, names."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from ops.base.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
LOCKED = ["requirements.txt", "requirements-dev.txt", "requirements-uv.txt"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def names(lines: list[str]) -> set[str]:
    """Distribution names at the start of requirement lines, in their normal form."""
    found = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line) for line in lines)
    return {re.sub(r"[-_.]+", "-", match[0]).lower() for match in found if match}


def project() -> dict[str, list[str]]:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = data["project"]["optional-dependencies"]
    base = data["project"]["dependencies"] + data["build-system"]["requires"]
    run = base + extras["embedded"]
    return {"requirements.txt": run, "requirements-dev.txt": run + extras["dev"]}


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return dict(
        re.findall(r"^([a-z0-9][a-z0-9._-]*==\S+)(.*(?:\n    --hash.*)+)", text, re.MULTILINE)
    )


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_is_locked(file: str) -> None:
    missing = names(project()[file]) - names(list(pins(file)))
    assert not missing, "run `make requirements`"


@pytest.mark.parametrize("file", LOCKED)
def test_locked_files_hold_hashes_and_no_addresses(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z0-9].*", text, re.MULTILINE)
    assert len(pinned) == len(pins(file)) > 0, "a line without a hash"
    assert not re.search(r"://|^-|(^|\s)/", text, re.MULTILINE)


def test_demo_and_tests_run_the_same_versions() -> None:
    run, dev = pins("requirements.txt"), pins("requirements-dev.txt")
    assert set(run) <= set(dev)


def test_make_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z-]+)", shown.stdout, re.MULTILINE))
    assert listed == {each for each in phony[1].split() if not each.startswith("setup-")}


def setup(tmp_path: Path, python: str) -> subprocess.CompletedProcess[str]:
    """The set-up script in a folder of its own, told to use `python`."""
    script = tmp_path / "scripts" / "setup.sh"
    script.parent.mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", script)
    return subprocess.run(
        [script, "run"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": python},
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_says_when_there_is_no_python(tmp_path: Path) -> None:
    ended = setup(tmp_path, str(tmp_path / "missing"))
    assert ended.returncode == 1
    assert "Python 3.11 or later is needed" in ended.stderr
    assert not (tmp_path / ".venv").exists()


def test_setup_says_what_to_install_when_venv_is_missing(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$2" in *version_info*) ;; *) exit 1 ;; esac\n')
    python.chmod(0o755)
    ended = setup(tmp_path, str(python))
    assert ended.returncode == 1
    assert "apt-get install python3-venv" in ended.stderr


def test_setup_passes_over_an_old_python(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    ended = setup(tmp_path, str(python))
    assert ended.returncode == 1
    assert "Python 3.11 or later is needed" in ended.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_names_of_a_page_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)\)", text)
    assert [each for each in targets if not (page.parent / each).exists()] == []
    named = set(re.findall(rf"{PREFIX}[A-Z_]+", text))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}
    asked = set(re.findall(r"`make ([a-z-]+)", text))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {each for each in asked if not re.search(rf"^{each}:", makefile, re.MULTILINE)} == set()
