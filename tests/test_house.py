"""The house keeps its rules: floors, budgets, names, docstrings, documented settings."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "hedgerow"
MODULES = sorted(SOURCE.rglob("*.py"))
PYTHON_FILES = [*MODULES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "bench").rglob("*.py"))]

FILE_STOP = 500
FUNCTION_STOP = 50
CLASS_STOP = 300
PARAMETER_STOP = 7
FOLDER_STOP = 15
FORBIDDEN_NAMES = {"utils", "helpers", "helper", "service", "services", "manager", "common", "misc"}

# Each exemption says why.
EXEMPT_FUNCTIONS: dict[str, str] = {
    "src/hedgerow/store/migrations/versions/0001_accounts.py:upgrade": "a migration: five tables, column by column",
}
EXEMPT_CLASSES: dict[str, str] = {
    "src/hedgerow/language/syntax/selects.py:Selects": "one part of the parser's class: a method per clause",
}
EXEMPT_FILES: dict[str, str] = {}
EXEMPT_FOLDERS: dict[str, str] = {
    "src/hedgerow/store/migrations/versions": "a file per migration, for good",
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _definitions(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield f"{prefix}{child.name}", child
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    yield from walk(ast.parse(path.read_text()), f"{_name(path)}:")  # type: ignore[misc]


def _lines(node: ast.AST) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body  # type: ignore[attr-defined,arg-type]
    return (node.end_lineno - body[0].lineno + 1) if body else 1  # type: ignore[attr-defined]


def test_floors_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_file_is_within_budget(path: Path) -> None:
    if _name(path) not in EXEMPT_FILES:
        assert len(path.read_text().splitlines()) <= FILE_STOP


def test_functions_and_classes_are_within_budget() -> None:
    over = []
    for path in MODULES:
        for name, node in _definitions(path):
            if isinstance(node, ast.ClassDef):
                if _lines(node) > CLASS_STOP and name not in EXEMPT_CLASSES:
                    over.append(f"{name}: {_lines(node)} lines")
                continue
            count = len(node.args.args) + len(node.args.kwonlyargs) + len(node.args.posonlyargs)
            count -= bool(node.args.args and node.args.args[0].arg in {"self", "cls"})
            if name in EXEMPT_FUNCTIONS:
                continue
            if _lines(node) > FUNCTION_STOP:
                over.append(f"{name}: {_lines(node)} lines")
            if count > PARAMETER_STOP:
                over.append(f"{name}: {count} parameters")
    assert not over, "\n".join(over)


def test_folders_are_within_budget() -> None:
    counts = {f: len([p for p in f.glob("*.py") if p.name != "__init__.py"]) for f in SOURCE.rglob("*") if f.is_dir()}
    over = {_name(f): n for f, n in counts.items() if n > FOLDER_STOP and _name(f) not in EXEMPT_FOLDERS}
    assert not over


@pytest.mark.parametrize("path", PYTHON_FILES, ids=_name)
def test_module_says_what_it_holds(path: Path) -> None:
    text = path.read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), (
        "a module opens with one line that says what it holds"
    )


def test_names_explain_themselves() -> None:
    assert not [_name(p) for p in SOURCE.rglob("*") if p.stem in FORBIDDEN_NAMES]


def test_private_names_stay_in_their_file() -> None:
    crossed = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hedgerow"):
                crossed += [
                    f"{_name(path)}: {a.name}" for a in node.names if a.name.startswith("_") and a.name != "__version__"
                ]
    assert not crossed


def test_rows_are_private_to_their_room() -> None:
    crossed = []
    for path in MODULES:
        room = path.relative_to(SOURCE).parts[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".rows"):
                owner = node.module.split(".")[1]
                if owner != room:
                    crossed.append(f"{_name(path)} imports {node.module}")
    assert not crossed


def test_exemptions_are_still_needed() -> None:
    names = {name for path in MODULES for name, _ in _definitions(path)}
    stale = [n for n in (*EXEMPT_FUNCTIONS, *EXEMPT_CLASSES) if n not in names]
    stale += [n for n in (*EXEMPT_FILES, *EXEMPT_FOLDERS) if not (ROOT / n).exists()]
    assert not stale


def test_rooms_hold_something() -> None:
    empty = [
        _name(d) for d in SOURCE.iterdir() if d.is_dir() and d.name != "__pycache__" and len(list(d.rglob("*.py"))) < 2
    ]
    assert not empty


def test_no_machine_path_or_package_host_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    bad = [f"/{'work'}/", "pypi" + ".org", "registry" + ".npmjs", "/home/" + "runner", "/root" + "/"]
    found = []
    for name in listed:
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cfg", ".ini", ".sh", ".json", ""}
            and path.is_file()
        ):
            text = path.read_text(errors="replace")
            found += [f"{name}: {b}" for b in bad if b in text]
    assert not found


def test_nothing_large_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not [n for n in listed if (ROOT / n).is_file() and (ROOT / n).stat().st_size > 1 << 20]
