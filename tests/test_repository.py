"""Rules of the repository that no other test would notice being broken (see CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from app.command_line import app as command_line

ROOT = Path(__file__).parents[1]
ROOMS = ("app", "zsi_core", "training")
QT = {"PySide6", "PySide2", "PyQt6", "PyQt5", "shiboken6", "qtpy"}
HEAVY = {"torch", "torchvision", "timm", "gensim"}

# What a room must not import: heavy libraries, Qt, and the rooms that do not lie below it.
FORBIDDEN = {
    "zsi_core": QT | {"app", "training"},
    "training": QT | {"app"},
    "app": HEAVY | {"training"},
}

# Files that write without `atomic_write`, and why they may.
WRITERS = {
    "app/errors.py": "the file that a crash is written to is open from the start",
    "app/retraining/process.py": "what the training process says is appended as it comes",
    "training/log.py": "the log of a run is appended to, line by line",
    "zsi_core/proposing/journal.py": "the journal of a run is appended to, one line for each image",
}


def python_files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found, f"no Python file in {folders}"
    return found


def text_files() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that belongs to the repository."""
    folders = (*ROOMS, "docs", "installer", "resources", "tests", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files += [path for path in ROOT.iterdir() if path.name != "uv.lock"]
    for path in sorted(files):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            if b"\0" not in content[:8192]:
                yield path.relative_to(ROOT).as_posix(), content.decode("utf-8", errors="replace")


def places(pattern: str) -> list[str]:
    """`path:line: text` of every match of a pattern in the repository's text files."""
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in text_files()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


# Written so that they do not match themselves.
REGISTRY_HOST = r"pypi[.]org|python[h]osted[.]org|registry[.]npmjs|deb[.]debian[.]org|archive[.]ubuntu[.]com"
PERSONAL_PATH = r"(?<![\w.])/(?:home|Users|root|work)/[\w.]|[A-Z]:\\?Users\\"


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        (REGISTRY_HOST, ("https://pypi", ".org/simple")),
        (REGISTRY_HOST, ("files.python", "hosted.org")),
        (PERSONAL_PATH, ("data in /", "home/someone/data")),
        (PERSONAL_PATH, ("'/", "root/.cache'")),
        (PERSONAL_PATH, ("C:", "\\Users\\someone")),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern: str, parts: tuple[str, str]) -> None:
    assert re.search(pattern, "".join(parts))


def test_no_file_names_the_host_of_a_package_registry() -> None:
    assert places(REGISTRY_HOST) == []


def test_no_file_holds_a_path_of_somebodys_machine() -> None:
    assert places(PERSONAL_PATH) == []


# ---------------------------------------------------------------- dependencies


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    requirements = list(project["project"]["dependencies"])
    for group in project["dependency-groups"].values():
        requirements += group
    return {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements}


def test_every_dependency_is_explained_and_nothing_else() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Dependencies", 1)[1].split("\n## ", 1)[0]
    explained = re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE)
    assert {name for name, _ in explained} == dependencies()
    assert [name for name, reason in explained if len(reason) < 5] == []


# ---------------------------------------------------------------- imports


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_nothing_it_must_not_know(room: str) -> None:
    found = {
        path.relative_to(ROOT).as_posix(): sorted(imported(path) & FORBIDDEN[room])
        for path in python_files(room)
    }
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "module",
    [
        "zsi_core",
        "zsi_core.cli",
        "zsi_core.coco",
        "zsi_core.engine.client",
        "zsi_core.images",
        "zsi_core.instances",
        "zsi_core.semantics",
    ],
)
def test_light_parts_load_no_heavy_library(module: str) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted({HEAVY} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


# ---------------------------------------------------------------- writing


def writes(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls that open a file for writing or write one in a single step."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("write_text", "write_bytes", "imwrite", "tofile"):
            yield node
        elif name == "open":
            arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
            modes = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if any(re.fullmatch(r"[rbtU]*[wax+][rwaxbt+]*", mode) for mode in modes):
                yield node


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("open(path, 'w')", 1),
        ("path.open('wb')", 1),
        ("open(path, mode='a')", 1),
        ("path.open('r+b')", 1),
        ("path.write_text('')", 1),
        ("cv2.imwrite(path, image)", 1),
        ("open(path)", 0),
        ("path.open('rb')", 0),
        ("open('data.txt')", 0),
        ("Image.open(path)", 0),
        ("atomic_write(path, 'w')", 0),
    ],
)
def test_the_scan_for_writes_sees_them(code: str, count: int) -> None:
    assert len(list(writes(ast.parse(code)))) == count


def test_files_are_written_through_atomic_write() -> None:
    found: dict[str, list[int]] = {}
    for path in python_files(*ROOMS):
        if lines := [node.lineno for node in writes(ast.parse(path.read_text(encoding="utf-8")))]:
            found[path.relative_to(ROOT).as_posix()] = lines
    assert {path: lines for path, lines in found.items() if path not in WRITERS} == {}
    assert set(WRITERS) <= set(found), "an exception that is not needed any more"


# ---------------------------------------------------------------- reading

PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def unpicklers(tree: ast.AST) -> Iterator[ast.AST]:
    """Imports and calls that could run code of the file they read, `torch.load` with weights_only aside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and {a.name.partition(".")[0] for a in node.names} & PICKLES:
            yield node
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.module in PICKLES or (node.module == "torch" and "load" in names):
                yield node
        elif isinstance(node, ast.Call):
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            torch_load = ast.unparse(node.func) in ("torch.load", "torch.jit.load", "torch.hub.load")
            if torch_load and options.get("weights_only") != "True":
                yield node
            if options.get("allow_pickle", "False") != "False":
                yield node


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("import pickle", 1),
        ("from joblib import load", 1),
        ("from torch import load", 1),
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=trusted)", 1),
        ("np.load(path, allow_pickle=True)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=False)", 0),
        ("np.load(path)", 0),
        ("json.load(stream)", 0),
        ("WordTable.load(path)", 0),
    ],
)
def test_the_scan_for_unpicklers_sees_them(code: str, count: int) -> None:
    assert len(list(unpicklers(ast.parse(code)))) == count


PUBLISHED = "zsi_core/checkpoint/published.py"
"""Reads the authors' checkpoints, which exist in PyTorch's format only, with weights_only."""


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_unpickled(room: str) -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in python_files(room)
    }
    found = {path: [node.lineno for node in unpicklers(ast.parse(text))] for path, text in texts.items()}
    assert {path: lines for path, lines in found.items() if lines} == {}
    if room == "zsi_core":
        assert [path for path, text in texts.items() if "torch.load" in text] == [PUBLISHED]


# ---------------------------------------------------------------- README and documentation


def shell_lines(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_the_readme_starts_with_one_line_each() -> None:
    for command in ("zsi-annotator --demo", "pytest"):
        assert f"pip install uv && uv run {command}" in shell_lines(ROOT / "README.md")


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_commands_and_options_that_a_page_shows_exist(page: str) -> None:
    """`tests/docs/test_commands.py` runs them."""
    commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    lines = [shlex.split(line) for line in shell_lines(ROOT / page) if line.startswith("uv run zsi ")]
    assert lines or page != "README.md"
    for _, _, _, name, *arguments in lines:
        assert name in commands, f"{page} shows `zsi {name}`, which does not exist"
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert {argument for argument in arguments if argument.startswith("-")} <= known
