from __future__ import annotations

from hanlin.policy.fold import fold
from hanlin.policy.split import PARTS, split_spellings


def test_every_character_falls_into_two_that_folding_leaves_as_they_are() -> None:
    assert len(PARTS) > 500
    for character, parts in PARTS.items():
        assert len(parts) == 2
        assert fold(character + parts) == character + parts
        assert character not in parts


def test_a_term_is_spelt_with_one_several_or_all_of_its_characters_split() -> None:
    assert split_spellings("枪支弹药") == {"木仓支弹药", "枪支弓单药", "木仓支弓单药"}
    assert split_spellings("毒品") == set()


def test_a_long_term_is_spelt_with_each_character_alone_and_with_all_of_them() -> None:
    assert len(split_spellings("枪炸弹明林好妈")) == 8
