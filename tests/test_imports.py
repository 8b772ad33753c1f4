"""What no linter of ours looks for (S24): who opens sockets, who speaks SQL, and what is never called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HANLIN = Path(__file__).parent.parent / "hanlin"
FILES = sorted(HANLIN.rglob("*.py"))

SOCKETS = (
    "socket",
    "urllib.request",
    "http.client",
    "asyncio.open_connection",
    "asyncio.open_unix_connection",
    "httpx",
    "requests",
    "aiohttp",
    "httptools",
    "ftplib",
    "smtplib",
    "xmlrpc",
)
"""Modules and functions that open an outward connection. `create_connection` of a loop is looked for by its name."""
OPENS_SOCKETS = ("net", "catalog/hub.py", "cli/workplace.py")
"""Upstreams go through net; the catalog fetches weights with the standard library, in a thread and with ranges; a
command asks the operator's own server.
"""
HOLDS_SOCKETS = ("cli/listening.py", "cli/serve.py", "engines/llama_child.py", "engines/llama_process.py")
"""Listen on our own address, or speak over the pair that the parent made; they connect to nothing."""
STARTS_PROCESSES = ("engines/llama_process.py", "catalog/packages.py", "sandbox/sandbox.py")
SPEAKS_SQLITE = ("audit", "storage/database.py")
MAKES_TEMPLATES = ("web/render.py", "web/markdown.py", "web/pages/chat.py", "web/worked.py")
NEVER = ("pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "yaml", "telnetlib", "imp")
READS_PICKLES = ("engines/torch_weights.py",)
"""With a reader that knows the few names of tensors and nothing else, for weights whose hash is known."""
NEVER_CALLED = frozenset({"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp"})
SQL_CALLS = frozenset({"execute", "executemany", "executescript", "exec_driver_sql", "text"})


def name(file: Path) -> str:
    return file.relative_to(HANLIN).as_posix()


def within(file: Path, places: tuple[str, ...]) -> bool:
    return any(name(file) == place or name(file).startswith(f"{place}/") for place in places)


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of everything imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def matches(imported: str, banned: tuple[str, ...]) -> bool:
    return any(imported == word or imported.startswith(f"{word}.") for word in banned)


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.AST]:
    return {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}


def test_only_net_and_the_catalog_open_connections(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        if within(file, OPENS_SOCKETS):
            continue
        banned = tuple(word for word in SOCKETS if word != "socket" or name(file) not in HOLDS_SOCKETS)
        found = [word for word in imports(tree) if matches(word, banned)]
        found += [
            called
            for called, _ in calls(tree)
            if called.rpartition(".")[2]
            in ("open_connection", "create_connection", "sock_connect", "connect_ex", "urlopen")
            or (called.endswith(".connect") and within(file, HOLDS_SOCKETS))
        ]
        assert not found, f"{name(file)}: {found}"


def test_only_engine_sandbox_and_the_fetching_of_packages_start_processes(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        starts = "subprocess" in set(imports(tree)) or any(
            called.rpartition(".")[2].startswith("create_subprocess") for called, _ in calls(tree)
        )
        assert not starts or within(file, STARTS_PROCESSES), name(file)
        assert not any(called.endswith("create_subprocess_shell") for called, _ in calls(tree)), name(file)


def test_only_the_record_and_storage_touch_sqlite(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        found = [word for word in imports(tree) if matches(word, ("sqlite3", "aiosqlite", "asyncpg"))]
        assert not found or within(file, SPEAKS_SQLITE), f"{name(file)}: {found}"


def built(statement: ast.expr) -> bool:
    """Whether a string is put together of anything but our own constants."""
    if isinstance(statement, ast.JoinedStr):
        parts = [part.value for part in statement.values if isinstance(part, ast.FormattedValue)]
        return not all(isinstance(part, ast.Name) and part.id.isupper() for part in parts)
    formats = isinstance(statement, ast.Call) and dotted(statement.func).endswith(".format")
    return formats or isinstance(statement, ast.BinOp)


def test_no_sql_is_put_together_from_strings(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        for called, call in calls(tree):
            if called.rpartition(".")[2] in SQL_CALLS and call.args:
                assert not built(call.args[0]), f"{name(file)}:{call.lineno}"


def test_sql_that_is_built_is_built_of_marks_only(trees: dict[Path, ast.AST]) -> None:
    """One f-string holds SQL: the many rows of one INSERT, of `(?,?,…)` alone."""
    words = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "DROP ", "CREATE ")
    found = []
    for file, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value).lstrip()
                found += [name(file)] if start.startswith(words) else []
    assert found == ["audit/store.py"]


def test_nothing_runs_code_that_came_as_data(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        reads = [word for word in imports(tree) if matches(word, NEVER)]
        assert not reads or (within(file, READS_PICKLES) and set(reads) == {"pickle"}), name(file)
        bad = [called for called, _ in calls(tree) if called in NEVER_CALLED]
        assert not bad, f"{name(file)}: {bad}"


def test_templates_and_marks_of_safe_html_are_made_in_the_web_room_only(trees: dict[Path, ast.AST]) -> None:
    for file, tree in trees.items():
        found = [word for word in imports(tree) if matches(word, ("jinja2", "markupsafe", "mako"))]
        assert not found or within(file, MAKES_TEMPLATES), f"{name(file)}: {found}"
        for called, call in calls(tree):
            if called.rpartition(".")[2] == "Environment":
                escaping = {word.arg: ast.unparse(word.value) for word in call.keywords}.get("autoescape")
                assert escaping == "True", f"{name(file)}: autoescape={escaping}"
            if called.rpartition(".")[2] == "Markup":
                assert name(file) == "web/markdown.py" or not call.args, name(file)


def test_no_template_marks_anything_as_safe() -> None:
    for template in (HANLIN / "web" / "templates").rglob("*"):
        if template.is_file():
            text = template.read_text(encoding="utf-8")
            assert "|safe" not in text.replace(" ", ""), template.name
            assert "autoescape false" not in text, template.name
