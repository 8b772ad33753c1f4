"""Passages are found by those who may see them, survive a crash, and are gone when they are removed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.errors import BadRequest, Misconfigured
from hanlin.retrieval import Found, Index, Passage
from hanlin.types import Vectors

DIMENSIONS = 8


def passages(source: str, *texts: str) -> list[Passage]:
    return [Passage(f"{source}.{number}", source, text) for number, text in enumerate(texts)]


def directions(*places: int) -> Vectors:
    return Vectors(tuple(np.eye(DIMENSIONS, dtype="<f4")[place].tobytes() for place in places), DIMENSIONS)


def ids(found: list[Found]) -> list[str]:
    return [each.passage.id for each in found]


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Index]:
    made = await Index.open(tmp_path)
    yield made
    await made.close()


async def test_words_find_a_passage_in_any_script_and_form(index: Index) -> None:
    await index.add(
        "a", "d", passages("d", "翰林院掌管起草诏书。", "The Running of Engines", "Đường đến Hà Nội", "การประชุมวันจันทร์")
    )
    assert ids(await index.search(["a"], "翰林院詔書"))[0] == "d.0"
    assert ids(await index.search(["a"], "engine runs")) == ["d.1"]
    assert ids(await index.search(["a"], "duong Ha Noi")) == ["d.2"]
    assert ids(await index.search(["a"], "ประชุม")) == ["d.3"]


async def test_a_heading_is_searched_with_its_text(index: Index) -> None:
    await index.add("a", "d", [Passage("d.0", "d", "每人十五天。", "员工手册 › 年假")])
    assert ids(await index.search(["a"], "年假")) == ["d.0"]


async def test_meaning_finds_what_words_do_not(index: Index) -> None:
    await index.add("a", "d", passages("d", "甲", "乙", "丙"), directions(0, 1, 2))
    found = await index.search(["a"], "没有", directions(1).rows[0], 1)
    assert [(each.passage.id, each.by) for each in found] == [("d.1", ("meaning",))]


async def test_what_both_find_stands_before_what_one_finds(index: Index) -> None:
    await index.add("a", "d", passages("d", "预算 预算"))
    await index.add("a", "e", passages("e", "预算与计划", "无关"), directions(1, 0))
    found = await index.search(["a"], "预算", directions(1).rows[0])
    assert [(each.passage.id, each.by) for each in found] == [
        ("e.0", ("words", "meaning")),
        ("d.0", ("words",)),
        ("e.1", ("meaning",)),
    ]


async def test_a_query_vector_of_another_model_is_left_out(index: Index) -> None:
    await index.add("a", "d", passages("d", "甲乙"), directions(0))
    assert [each.by for each in await index.search(["a"], "甲乙", bytes(12))] == [("words",)]


async def test_marks_cover_the_words_of_the_query(index: Index) -> None:
    await index.add("a", "d", passages("d", "在翰林院，ＨＡＮＬＩＮ 的 engines 運行。"))
    (found,) = await index.search(["a"], "翰林院 hanlin engine 运行")
    assert [found.passage.text[start:end] for start, end in found.marks] == [
        "翰林院",
        "ＨＡＮＬＩＮ",
        "engines",
        "運行",
    ]


async def test_adding_a_source_again_replaces_it_also_in_another_space(index: Index) -> None:
    await index.add("a", "d", passages("d", "旧的文字", "第二段"), directions(0, 1))
    for _ in range(2):
        await index.add("b", "d", passages("d", "新的内容"), directions(2))
    assert await index.passages("d") == passages("d", "新的内容")
    assert await index.count("d") == 1
    assert await index.search(["a"], "旧的文字新的内容", directions(0).rows[0]) == []
    assert ids(await index.search(["b"], "内容")) == ["d.0"]


async def test_passages_come_in_their_order(index: Index) -> None:
    made = passages("d", *(f"第{number}段" for number in range(12)))
    await index.add("a", "d", made)
    assert await index.passages("d") == made


async def test_what_is_removed_is_not_found(index: Index) -> None:
    await index.add("a", "d", passages("d", "甲乙"), directions(0))
    await index.add("a", "e", passages("e", "甲乙"), directions(1))
    await index.add("b", "f", passages("f", "甲乙"), directions(2))
    await index.remove("d")
    await index.remove("nothing")
    assert (await index.count("d"), await index.count("e")) == (0, 1)
    assert sorted(ids(await index.search(["a", "b"], "甲乙", directions(0).rows[0]))) == ["e.0", "f.0"]
    await index.remove_space("a")
    assert ids(await index.search(["a", "b"], "甲乙", directions(0).rows[0])) == ["f.0"]


async def test_nothing_removed_stays_in_the_files(tmp_path: Path) -> None:
    """Text, terms and vectors, also beside passages that stay, and after replacing."""
    index = await Index.open(tmp_path)
    secret = np.random.default_rng(5).standard_normal(DIMENSIONS).astype("<f4")
    for number in range(12):
        await index.add("a", f"d{number}", passages(f"d{number}", "寻常的一段。"), directions(0))
    await index.add("a", "gone", passages("gone", "zqxjkvbw7731 秘密"), Vectors((secret.tobytes(),), DIMENSIONS))
    await index.add("b", "changed", passages("changed", "wvutsrqp9924 旧"), directions(1))
    for number in range(12, 24):
        await index.add("a", f"d{number}", passages(f"d{number}", "寻常的一段。"), directions(0))
    stored = np.rint(secret / (np.abs(secret).max() / 127)).astype("i1").tobytes()
    assert holds(tmp_path, b"zqxjkvbw7731", b"wvutsrqp9924", stored) == {0, 1, 2}
    await index.remove("gone")
    await index.add("b", "changed", passages("changed", "新"), directions(1))
    await index.purge()
    assert holds(tmp_path, b"zqxjkvbw7731", b"wvutsrqp9924", stored) == set()
    await index.purge()
    found = await index.search(["a"], "寻常", directions(0).rows[0], 50)
    assert len(found) == 24
    assert all(set(each.by) == {"words", "meaning"} for each in found)
    await index.close()


def holds(folder: Path, *needles: bytes) -> set[int]:
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return {place for place, needle in enumerate(needles) if any(needle in file for file in files)}


async def test_an_index_is_as_it_was_when_it_is_opened_again(tmp_path: Path) -> None:
    index = await Index.open(tmp_path)
    await index.add("a", "d", passages("d", "甲乙", "丙丁"), directions(0, 1))
    await index.add("b", "e", passages("e", "甲乙"))
    before = await index.search(["a", "b"], "甲乙", directions(1).rows[0])
    await index.close()
    index = await Index.open(tmp_path)
    assert await index.search(["a", "b"], "甲乙", directions(1).rows[0]) == before
    await index.close()


async def test_two_processes_never_share_an_index(index: Index, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="in use by another process"):
        await Index.open(tmp_path)


@pytest.mark.parametrize(
    "query", ["", " ", "()", '" AND NOT * OR [a TO z] ~1 ^9 \\', "space:b", "\x00\ud800", "甲" * 100_000, "a " * 50_000]
)
async def test_a_query_is_bare_words(index: Index, query: str) -> None:
    await index.add("a", "d", passages("d", "nothing of it"))
    await index.add("b", "e", passages("e", "甲甲 a z and not or space b"))
    assert await index.search(["a"], query) == []
    assert await index.search([], query) == []


async def test_what_does_not_fit_together_is_refused(index: Index) -> None:
    with pytest.raises(BadRequest, match="1 vectors were expected, got 2"):
        await index.add("a", "d", passages("d", "甲"), directions(0, 1))
    with pytest.raises(BadRequest, match="Passage 0 does not bear its source"):
        await index.add("a", "d", passages("e", "甲"))
    assert await index.count("d") == 0


async def test_a_write_whose_asker_is_gone_is_ended_before_the_next_begins(index: Index) -> None:
    hung_up = asyncio.ensure_future(index.add("a", "d", passages("d", "甲乙"), directions(0)))
    await asyncio.sleep(0)
    hung_up.cancel()
    await index.add("a", "d", passages("d", "丙丁"), directions(1))
    assert await index.passages("d") == passages("d", "丙丁")


SPACES = st.sampled_from("abcd")
WORDS = st.lists(st.sampled_from(["预算", "计划", "会议", "budget", "plan"]), min_size=1, max_size=4).map(" ".join)
STEPS = st.lists(
    st.tuples(st.integers(0, 5), st.one_of(st.none(), SPACES), WORDS, st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=12)
@given(STEPS, st.sets(SPACES), WORDS)
async def test_nothing_is_ever_found_in_a_space_that_was_not_asked_for(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[int, str | None, str, bool]],
    asked: set[str],
    query: str,
) -> None:
    """And everything is that shares a word with the query, however sources were added, moved and removed before."""
    index = await Index.open(tmp_path_factory.mktemp("index"))
    held: dict[str, tuple[str, str]] = {}
    for number, space, text, embedded in steps:
        source = f"d{number}"
        held.pop(source, None)
        if space is None:
            await index.remove(source)
        else:
            await index.add(space, source, passages(source, text), directions(number) if embedded else None)
            held[source] = (space, text)
    found = {each.passage.source for each in await index.search(asked, query, directions(0).rows[0], 50)}
    assert found <= {source for source, (space, _) in held.items() if space in asked}
    assert found >= {
        source for source, (space, text) in held.items() if space in asked and set(text.split()) & set(query.split())
    }
    await index.close()


WRITER = """
import asyncio, sys
from pathlib import Path
import numpy as np
from hanlin.retrieval import Index, Passage
from hanlin.types import Vectors

async def main():
    index = await Index.open(Path(sys.argv[1]))
    row = np.eye(8, dtype="<f4")[0].tobytes()
    print("open", flush=True)
    for turn in range(10_000):
        source = f"d{turn % 3}"
        many = [Passage(f"{source}.{n}", source, f"turn {turn} 甲乙") for n in range(20)]
        await index.add("a", source, many, Vectors((row,) * 20, 8))
        print(turn, flush=True)
        if turn % 7 == 6:
            await index.purge()

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("wait_lines", [1, 8, 23])
async def test_kill_9_leaves_each_source_whole(tmp_path: Path, wait_lines: int) -> None:
    """Every source is at the last turn that was answered for, or the one that was under way; its vectors are there."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    done = [child.stdout.readline().strip() for _ in range(wait_lines + 1)]
    await asyncio.sleep(0.003 * wait_lines)
    child.send_signal(signal.SIGKILL)
    done += child.stdout.read().split()
    child.wait()
    child.stdout.close()
    last = max(int(line) for line in done[1:])
    index = await Index.open(tmp_path)
    for number in range(min(3, last + 1)):
        turns = {passage.text for passage in await index.passages(f"d{number}")}
        answered = max(turn for turn in range(last + 1) if turn % 3 == number)
        assert turns in ({f"turn {answered} 甲乙"}, {f"turn {answered + 3} 甲乙"})
        assert await index.count(f"d{number}") == 20
    rows = index._words.rows()[:, 0]
    assert len(set(rows)) == sum([await index.count(f"d{number}") for number in range(3)])
    assert (index._vectors.read(rows)[:, 0] > 0.99).all()
    await index.add("a", "after", passages("after", "之后"))
    assert ids(await index.search(["a"], "之后")) == ["after.0"]
    await index.close()
