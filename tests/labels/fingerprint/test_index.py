"""What this server made is found again, on both kinds of database, and erasure takes it out."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import event, func, select

from hanlin.labels.fingerprint import index as module
from hanlin.labels.fingerprint import picture, sound, text
from hanlin.labels.fingerprint.index import Entry, Index, Match
from hanlin.labels.tables import fingerprint_buckets
from hanlin.storage import Database

DAY = 86_400


@pytest.fixture
def index(database: Database) -> Index:
    return Index(database)


def words(seed: int, characters: int = 600) -> str:
    rng = random.Random(seed)
    return "".join(chr(rng.randint(0x4E00, 0x9000)) for _ in range(characters))


def of_text(seed: int, *, person: str = "per_owner", made_at: int = 0) -> Entry:
    kept = text.fingerprint(words(seed))
    return Entry(
        produce_id=f"{seed:032x}",
        request_id=f"req_{seed:032x}",
        workspace="ws_1",
        person=person,
        kind="text",
        media_type="text/plain",
        made_at=made_at,
        keys=kept.tolist(),
        value=kept.astype("<u4").tobytes(),
    )


def of_picture(number: int, bits: int) -> Entry:
    return replace(
        of_text(number),
        kind="picture",
        media_type="image/png",
        keys=picture.keys(bits),
        value=bits.to_bytes(32, "big"),
    )


async def find_text(index: Index, asked: str) -> list[Match]:
    question = text.question(asked)
    return await index.find("text", question[:, 0].tolist(), question.astype("<u4").tobytes())


async def find_picture(index: Index, bits: int) -> list[Match]:
    return await index.find("picture", picture.probes(bits), bits.to_bytes(32, "big"))


async def count_buckets(database: Database) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(fingerprint_buckets))).scalar_one()


async def test_a_text_is_found_whole_and_quoted_with_what_leads_to_its_receipt(index: Index) -> None:
    await index.add_all(of_text(seed, made_at=seed) for seed in range(40))
    whole = Match(f"{7:032x}", f"req_{7:032x}", "ws_1", "text/plain", 7, 1.0)
    assert await find_text(index, words(7)) == [whole]
    quoted = await find_text(index, words(100, 900) + words(7)[200:420] + words(101, 900))
    assert [match.produce_id for match in quoted] == [whole.produce_id]
    assert 0.33 <= quoted[0].similarity < 1.0
    assert await find_text(index, words(99)) == []
    assert await find_text(index, "") == []


async def test_a_picture_is_found_with_some_bits_wrong_and_not_with_many(index: Index) -> None:
    rng = random.Random(0)
    prints = [rng.getrandbits(256) for _ in range(50)]
    await index.add_all(of_picture(number, bits) for number, bits in enumerate(prints))
    some, many = (sum(1 << place for place in rng.sample(range(256), count)) for count in (20, 60))
    found = await find_picture(index, prints[3] ^ some)
    assert [(match.produce_id, match.similarity) for match in found] == [(f"{3:032x}", 1 - 20 / 256)]
    assert await find_picture(index, prints[3] ^ many) == []


async def test_a_sound_is_found_by_a_piece_of_it_under_noise(index: Index) -> None:
    rng, rate = np.random.default_rng(0), 8000
    sounds = rng.normal(0, 0.1, (5, 20 * rate)).astype(np.float32)
    prints = [sound.fingerprint(made[:, None], rate) for made in sounds]
    await index.add_all(
        replace(of_text(number), kind="sound", keys=sound.keys(kept), value=kept.astype("<u4").tobytes())
        for number, kept in enumerate(prints)
    )
    piece = sounds[3, 4 * rate + 77 : 12 * rate + 77] / 2 + rng.normal(0, 0.01, 8 * rate)
    asked = sound.fingerprint(piece.astype(np.float32)[:, None], rate)
    found = await index.find("sound", sound.probes(asked), asked.astype("<u4").tobytes())
    assert [match.produce_id for match in found] == [f"{3:032x}"]


async def test_kinds_never_meet_even_when_their_keys_are_equal(index: Index) -> None:
    entry = of_text(1)
    await index.add(entry)
    assert await index.find("picture", entry.keys, entry.value[:32]) == []


async def test_the_best_comes_first_and_of_equals_the_newest(index: Index) -> None:
    entry = of_text(1)
    half = text.fingerprint(words(1)[:300])
    await index.add_all(
        [
            replace(entry, produce_id="older", made_at=5),
            replace(entry, produce_id="newer", made_at=6),
            replace(of_text(2), produce_id="other", made_at=7),
            replace(entry, produce_id="half", made_at=8, keys=half.tolist(), value=half.astype("<u4").tobytes()),
        ]
    )
    found = await find_text(index, words(1)[250:])
    assert [match.produce_id for match in found][:2] == ["newer", "older"]
    assert "other" not in {match.produce_id for match in found}


@pytest.mark.parametrize("payload", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
async def test_all_64_bits_of_a_watermark_lead_to_its_entry(index: Index, payload: int) -> None:
    await index.add_all([replace(of_text(1), watermark=payload), of_text(2)])
    found = await index.by_watermark(payload)
    assert found is not None
    assert (found.produce_id, found.similarity) == (f"{1:032x}", 1.0)
    assert await index.by_watermark(payload ^ 1) is None


async def test_a_number_leads_to_its_entry_also_when_there_is_no_fingerprint(index: Index) -> None:
    await index.add(replace(of_text(1), keys=(), value=b"", watermark=9))
    by_number = await index.by_number(f"{1:032x}")
    assert by_number is not None
    assert by_number == await index.by_watermark(9)
    for hostile in ("another", "", "a\0b", "\ud800", "数", "x" * 100_000, "' OR 1=1 --"):
        assert await index.by_number(hostile) is None


async def test_adding_again_changes_nothing_and_one_number_may_have_two_kinds(index: Index, database: Database) -> None:
    await index.add_all([of_text(1, made_at=1), of_text(1, made_at=1)])
    before = await count_buckets(database)
    await index.add(of_text(1, made_at=2))
    assert await count_buckets(database) == before
    assert [match.made_at for match in await find_text(index, words(1))] == [1]
    await index.add(of_picture(1, 1 << 200))
    assert len(await find_picture(index, 1 << 200)) == 1


async def test_erasure_takes_out_all_of_a_person_and_nothing_else(index: Index, database: Database) -> None:
    await index.add_all(of_text(seed, person=f"per_{seed % 2}") for seed in range(30))
    before = await count_buckets(database)
    assert await index.erase("per_1") == 15
    assert await index.erase("per_1") == 0
    assert await find_text(index, words(1)) == []
    assert len(await find_text(index, words(2))) == 1
    kept = sum(len(of_text(seed).keys) for seed in range(0, 30, 2))
    assert (await count_buckets(database), before > kept) == (kept, True)


async def test_pruning_takes_out_what_is_older(
    index: Index, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH", 4)
    await index.add_all(of_text(seed, made_at=seed * DAY) for seed in range(20))
    assert await index.prune(11 * DAY) == 11
    assert await find_text(index, words(10)) == []
    assert len(await find_text(index, words(11))) == 1
    await index.prune(100 * DAY)
    assert await count_buckets(database) == 0


async def test_what_stands_in_everything_fills_its_bucket_once(index: Index, database: Database) -> None:
    phrase = of_text(1)
    await index.add_all(replace(phrase, produce_id=f"{number:032x}") for number in range(module.BUCKET_ENTRIES + 30))
    await index.add(replace(phrase, produce_id="late"))
    assert await count_buckets(database) == module.BUCKET_ENTRIES * len(phrase.keys)
    assert len(await find_text(index, words(1))) == module.MATCHES
    assert await index.by_number("late") is not None


async def test_an_entry_and_a_question_are_bounded(index: Index, database: Database) -> None:
    huge = replace(of_text(1), keys=range(100_000), value=bytes(module.VALUE_BYTES + 4))
    await index.add(huge)
    assert 0 < await count_buckets(database) <= module.KEYS
    assert await index.find("text", range(1_000_000), b"") == []


async def test_no_lookup_reads_through_the_entries(database: Database) -> None:
    if database.url.get_backend_name() != "sqlite":
        pytest.skip("SQLite's plan does not depend on how many rows there are")
    statements: list[tuple[str, Any]] = []
    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append((call[2], call[3])))
    index = Index(database)
    await index.add(of_text(1))
    await find_text(index, words(1))
    await index.by_number("x")
    await index.by_watermark(1)
    await index.erase("per_owner")
    await index.prune(1)
    plans: list[Any] = []
    async with database.read() as connection:
        for statement, parameters in statements.copy():
            if not statement.startswith(("BEGIN", "INSERT")):
                one = parameters[0] if isinstance(parameters, list) else parameters
                plans += (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)).all()
    assert len(plans) > 8
    assert not [plan for plan in plans if plan[3].startswith("SCAN fingerprint")]


def test_numbers_are_little_endian_whatever_the_machine() -> None:
    asked = np.array([[1, 2], [3, 4]], "<u4")
    assert module._of_texts(asked.tobytes(), b"") == 0.0
