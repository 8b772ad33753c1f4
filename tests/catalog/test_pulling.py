"""Weights come into the store whole and checked, or not at all."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from hanlin.catalog import HuggingFace, ModelScope, Progress, Store, known, pull
from hanlin.errors import BadRequest, Conflict, NotServing
from tests.catalog.files import gguf, weights
from tests.catalog.hub_server import PATH, hub

CONTENT = gguf(data_bytes=3 << 20)
OTHER = CONTENT[:-1] + b"\x00"


def refusing() -> HuggingFace:
    """A mirror on a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return HuggingFace(repository="Org/Tiny-GGUF", file="tiny.gguf", endpoint=f"http://127.0.0.1:{port}")


def left(store: Store) -> list[str]:
    """What lies in partial/ beside lock files."""
    return [path.name for path in (store.folder / "partial").iterdir() if path.suffix != ".lock"]


def test_the_catalog_names_real_weights_with_licence_and_mirrors() -> None:
    chat = [entry for entry in known() if entry.format == "gguf"]
    assert [(entry.name, entry.licence, entry.size_bytes) for entry in chat] == [
        ("qwen2.5-coder-1.5b-instruct", "Apache-2.0", 1_117_320_768),
        ("qwen2.5-coder-0.5b-instruct", "Apache-2.0", 491_400_064),
    ]
    assert all(len(entry.mirrors) == 3 for entry in chat)


def test_the_reference_page_lists_the_catalog() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/catalog.md").read_text(encoding="utf-8")
    table = page.partition("## Known weights")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]

    assert rows == [
        f"| `{entry.name}` | {entry.publisher} | {entry.licence} | {entry.total_bytes:,} bytes "
        f"| {f'{entry.context_tokens:,} tokens' if entry.context_tokens else '-'} |"
        for entry in known()
    ]


def test_each_hub_has_its_own_address_of_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    hugging_face = HuggingFace(repository="Org/Tiny", file="t.gguf")

    assert hugging_face.url() == "https://huggingface.co/Org/Tiny/resolve/main/t.gguf"
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example/")
    assert hugging_face.url() == "https://hub.example/Org/Tiny/resolve/main/t.gguf"
    modelscope = ModelScope(repository="Org/Tiny", file="t.gguf")
    assert modelscope.url() == "https://www.modelscope.cn/models/Org/Tiny/resolve/master/t.gguf"


async def test_a_pull_brings_the_file_read_only_and_tells_its_progress(store: Store) -> None:
    told: list[Progress] = []
    with hub(CONTENT) as served:
        wanted = weights(CONTENT, served.mirror)
        path = await pull(store, wanted, report=told.append)

    assert path == store.path(wanted.sha256)
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert left(store) == []
    assert told[-1] == Progress(len(CONTENT), len(CONTENT), "huggingface")
    assert [each.done_bytes for each in told] == sorted(each.done_bytes for each in told)


async def test_what_is_there_is_not_fetched_again(store: Store) -> None:
    with hub(CONTENT) as served:
        wanted = weights(CONTENT, served.mirror)
        first = await pull(store, wanted)
        assert await pull(store, wanted, offline=True) == first

        assert len(served.requests) == 1


async def test_a_cut_connection_is_resumed_where_it_ended(store: Store) -> None:
    with hub(CONTENT, "cut", "cut") as served:
        path = await pull(store, weights(CONTENT, served.mirror))

    half = len(CONTENT) // 2
    assert path.read_bytes() == CONTENT
    assert [asked for _, asked in served.requests] == [
        "",
        f"bytes={half}-",
        f"bytes={half + (len(CONTENT) - half) // 2}-",
    ]


async def test_a_server_that_ignores_range_starts_over(store: Store) -> None:
    with hub(CONTENT, "cut", "no range") as served:
        path = await pull(store, weights(CONTENT, served.mirror))

    assert path.read_bytes() == CONTENT
    assert len(served.requests) == 2


async def test_a_server_that_brings_nothing_new_three_times_is_given_up(store: Store) -> None:
    with hub(CONTENT, "cut", "404", "404", "404") as served:
        with pytest.raises(NotServing, match="huggingface: answered 404"):
            await pull(store, weights(CONTENT, served.mirror))

        assert len(served.requests) == 4
    assert len(left(store)) == 1, "what came is kept for the next try"


async def test_a_redirect_is_followed_and_keeps_the_range(store: Store) -> None:
    with hub(CONTENT, "cut", "redirect") as served:
        path = await pull(store, weights(CONTENT, served.mirror))

    assert path.read_bytes() == CONTENT
    assert served.requests[-1] == ("/elsewhere/tiny.gguf", f"bytes={len(CONTENT) // 2}-")


async def test_a_mirror_out_of_reach_is_passed_over_with_a_word(store: Store) -> None:
    told: list[Progress] = []
    with hub(CONTENT, "404") as missing, hub(CONTENT) as served:
        wanted = weights(CONTENT, refusing(), missing.mirror, served.mirror)
        path = await pull(store, wanted, report=told.append)

    assert path.read_bytes() == CONTENT
    assert [each.note for each in told if each.note] == ["it refuses the connection", "answered 404"]


async def test_wrong_bytes_are_never_kept_and_the_next_mirror_is_asked(store: Store) -> None:
    told: list[Progress] = []
    with hub(OTHER) as wrong, hub(CONTENT) as served:
        wanted = weights(CONTENT, wrong.mirror, served.mirror)
        path = await pull(store, wanted, report=told.append)

    assert path.read_bytes() == CONTENT
    assert served.requests == [(PATH, "")], "it starts at the first byte"
    notes = [each.note for each in told if each.note]
    assert notes == [f"served wrong bytes: SHA-256 {weights(OTHER).sha256}, expected {wanted.sha256}"]


async def test_when_every_mirror_is_wrong_nothing_is_left(store: Store) -> None:
    with hub(OTHER) as wrong, pytest.raises(NotServing) as failure:
        await pull(store, weights(CONTENT, wrong.mirror))

    assert weights(OTHER).sha256 in failure.value.message
    assert weights(CONTENT).sha256 in failure.value.message
    assert (left(store), store.files()) == ([], [])


async def test_a_wrong_half_of_another_mirror_does_not_condemn_a_good_one(store: Store) -> None:
    with hub(CONTENT) as served:
        wanted = weights(CONTENT, served.mirror)
        partial = store.partial(wanted.sha256)
        partial.parent.mkdir(parents=True)
        partial.write_bytes(b"x" * 1000)
        path = await pull(store, wanted)

    assert path.read_bytes() == CONTENT
    assert [asked for _, asked in served.requests] == ["bytes=1000-", ""]


async def test_a_partial_file_longer_than_the_whole_is_thrown_away(store: Store) -> None:
    with hub(CONTENT) as served:
        wanted = weights(CONTENT, served.mirror)
        partial = store.partial(wanted.sha256)
        partial.parent.mkdir(parents=True)
        partial.write_bytes(CONTENT + b"x")

        assert (await pull(store, wanted)).read_bytes() == CONTENT


async def test_a_file_of_another_size_is_not_even_read(store: Store) -> None:
    with (
        hub(b"<html>sign in</html>") as served,
        pytest.raises(NotServing, match=f"offers 20 bytes, expected {len(CONTENT)}"),
    ):
        await pull(store, weights(CONTENT, served.mirror))

    assert left(store) == []


async def test_right_bytes_that_are_no_sound_weights_do_not_come_in(store: Store) -> None:
    """The catalog's hash says which bytes, the header check says whether llama.cpp may see them."""
    with hub(b"x" * 5000) as served, pytest.raises(BadRequest):
        await pull(store, weights(b"x" * 5000, served.mirror))

    assert store.files() == []


async def test_only_http_addresses_are_opened(store: Store, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT)
    mirror = HuggingFace(repository="Org/Tiny-GGUF", file="tiny.gguf", endpoint=tmp_path.as_uri())

    with pytest.raises(NotServing, match="not an http address"):
        await pull(store, weights(CONTENT, mirror))


async def test_the_proxy_of_the_environment_is_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(CONTENT) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        mirror = msgspec.structs.replace(proxy.mirror, endpoint="http://hub.example")
        await pull(store, weights(CONTENT, mirror))

    assert proxy.requests == [(f"http://hub.example{PATH}", "")]


async def test_pulls_of_the_same_weights_at_once_fetch_once(store: Store) -> None:
    told: list[Progress] = []
    with hub(CONTENT, "hang midway") as served:
        wanted = weights(CONTENT, served.mirror)
        first = asyncio.create_task(pull(store, wanted))
        while not served.requests:
            await asyncio.sleep(0.01)
        second = asyncio.create_task(pull(store, wanted, report=told.append))
        while not told:
            await asyncio.sleep(0.01)
        served.go_on.set()

        assert await first == await second
        assert len(served.requests) == 1
    assert "another pull of these weights is under way" in told[0].note


async def test_a_cancelled_pull_leaves_what_the_next_one_goes_on_from(store: Store) -> None:
    content = gguf(data_bytes=8 << 20)
    with hub(content, "hang midway") as served:
        wanted = weights(content, served.mirror)
        came = asyncio.Event()
        task = asyncio.create_task(pull(store, wanted, report=lambda _: came.set()))
        await came.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        served.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert store.files() == []
        done_bytes = store.partial(wanted.sha256).stat().st_size
        path = await pull(store, wanted)

    assert 0 < done_bytes < len(content)
    assert path.read_bytes() == content
    assert served.requests[-1] == (PATH, f"bytes={done_bytes}-")


async def test_offline_says_which_file_to_put_where(store: Store) -> None:
    wanted = known()[0]

    with pytest.raises(NotServing) as failure:
        await pull(store, wanted, offline=True)

    assert failure.value.message == f"The weights '{wanted.name}' are not pulled, and offline is set."
    assert failure.value.action == (
        f"Bring the file {wanted.file} (1,117,320,768 bytes, SHA-256 {wanted.sha256}) to this machine and "
        f"run `hanlin models import {wanted.file}`; it will lie at {store.path(wanted.sha256)}."
    )


async def test_a_full_disk_is_seen_before_the_first_byte(store: Store) -> None:
    with hub(CONTENT) as served:
        wanted = msgspec.structs.replace(weights(CONTENT, served.mirror), size_bytes=10**18)
        with pytest.raises(Conflict) as failure:
            await pull(store, wanted)

        assert (failure.value.code, served.requests) == ("disk_full", [])


async def test_a_store_that_cannot_be_written_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with hub(CONTENT) as served, pytest.raises(Conflict, match="weight store cannot be used: Not a directory"):
        await pull(Store(tmp_path / "file" / "store"), weights(CONTENT, served.mirror))
