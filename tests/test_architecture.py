"""The map equals the land: rooms of ARCHITECTURE.md, the import contract, decisions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEADINGS = ["Context", "Decision", "Consequences", "Alternatives", "Files"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))


def rooms() -> set[str]:
    """Packages and modules of hanlin, as the table writes them."""
    found = {f"{path.name}/" for path in (ROOT / "hanlin").iterdir() if path.is_dir() and path.name != "__pycache__"}
    return found | {path.name for path in (ROOT / "hanlin").glob("*.py") if not path.name.startswith("__")}


def test_the_table_of_rooms_is_the_tree() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    table = text.partition("## Rooms")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z]+(?:/|\.py))` \|", table, re.MULTILINE)) == rooms()


def test_every_room_has_its_place_in_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    placed = {name.strip() for layer in layers for name in layer.split("|")}
    assert placed == {room.removesuffix("/").removesuffix(".py") for room in rooms()}


def test_the_places_that_architecture_sends_to_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Where do I change")[2]
    for name in re.findall(r"`([a-z_]+/[a-z_./*]*|settings\.py)`", text):
        assert any(ROOT.glob(name.rstrip("/"))) or any((ROOT / "hanlin").glob(name.rstrip("/"))), name


def test_tests_mirror_the_rooms() -> None:
    # wiring is tested by the house, settings and errors by files of their own
    elsewhere = {"app/": "test_house.py", "evaluation/": "registry", "settings.py": "test_settings.py"}
    for room in rooms() - {"types.py"}:
        name = elsewhere.get(room, room.rstrip("/") if room.endswith("/") else f"test_{room}")
        assert (ROOT / "tests" / name).exists(), room


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_a_decision_has_its_five_headings_in_order(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE) == HEADINGS
    assert text.startswith(f"# {file.stem[:4]} ")


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(file.name[:4]) for file in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("file", DECISIONS, ids=lambda file: file.stem)
def test_the_files_a_decision_names_exist(file: Path) -> None:
    named = re.findall(r"`([^`]+)`", file.read_text(encoding="utf-8").partition("**Files.**")[2])
    paths = [name for name in named if re.fullmatch(r"[\w-]+(/[\w.*-]*|\.\w+)+/?", name)]
    assert paths
    for name in paths:
        assert any(ROOT.glob(name.rstrip("/"))), name


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: {target}"
