"""Errors say what happened and what to do, and the tree at the top of errors.py is the tree."""

from __future__ import annotations

import re

from hanlin import errors
from hanlin.errors import HanlinError, NotFound, nearest


def test_the_tree_at_the_top_names_every_class_with_its_status() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+) (\d+) ", errors.__doc__ or ""))
    classes = {
        name: str(found.status)
        for name, found in vars(errors).items()
        if isinstance(found, type) and issubclass(found, HanlinError) and found is not HanlinError
    }
    assert drawn == classes


def test_an_error_reads_as_what_happened_and_what_to_do() -> None:
    error = NotFound("There is no key 'a'.", action="List what there is.")
    assert str(error) == "There is no key 'a'. List what there is."
    assert str(NotFound("There is no key 'a'.")) == "There is no key 'a'."


def test_a_misspelt_name_gets_the_three_nearest() -> None:
    assert nearest("prot", ["port", "database_url", "policies"]) == "Known: port."
    assert nearest("zzz", ["b", "a"]) == "Known: a, b."
    assert nearest("zzz", []) == ""
    assert nearest("port", [f"port{n}" for n in range(9)]).count(",") == 2
