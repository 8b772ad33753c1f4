"""Voices: weights out of a pickle that can do nothing, mel bands, vectors that are near where the voice is the same."""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanlin.catalog import Store
from hanlin.engines import torch_weights
from hanlin.engines.ge2e import MELS, _filters, _lstm, _mels, _parts
from hanlin.engines.torch_weights import MAGIC, Array, read_tensors
from hanlin.engines.voices import VoicesEngine
from hanlin.errors import BadFile, BadRequest
from hanlin.evaluation.skills import tone
from hanlin.sound import Limits, decode
from hanlin.types import Media, Model, Skill
from tests.engines.skills import WEIGHTS, collect, job, shared, vectors, write

VOICES = Model("resemblyzer", "voices", Skill.VOICES)


class Storage:
    """Stands for a storage while a checkpoint is made."""

    def __init__(self, key: str, count: int) -> None:
        self.pid = ("storage", "FLOATS", key, "cpu", count, None)


class Made:
    """A tensor on its way into a pickle."""

    def __init__(self, storage: Storage, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.parts: tuple[Any, ...] = (storage, 0, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _stand_in, self.parts


def _stand_in(*_: Any) -> None:
    """Renamed in the pickle to what torch calls it."""


def checkpoint(
    shape: tuple[int, ...] = (2, 3), strides: tuple[int, ...] = (3, 1), count: int = 6, extra: bytes = b""
) -> bytes:
    """A file as torch.save wrote it: one tensor `w` with 0, 1, 2 …"""

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            return thing.pid if isinstance(thing, Storage) else None

    body = io.BytesIO()
    Pickler(body, 2).dump({"model_state": OrderedDict(w=Made(Storage("7", count), shape, strides))})
    module = f"c{__name__}\n_stand_in\n".encode()
    pickled = body.getvalue().replace(module, b"ctorch._utils\n_rebuild_tensor_v2\n")
    pickled = pickled.replace(b"X\x06\x00\x00\x00FLOATS", b"ctorch\nFloatStorage\n")
    head = b"".join(pickle.dumps(value, 2) for value in (MAGIC, 1001, {"little_endian": True}))
    floats = np.arange(count, dtype="<f4").tobytes()
    return head + (extra or pickled) + pickle.dumps(["7"], 2) + struct.pack("<q", count) + floats


def test_tensors_are_read_without_torch(tmp_path: Path) -> None:
    (tmp_path / "voice.pt").write_bytes(checkpoint())
    (weights,) = read_tensors(tmp_path / "voice.pt", "model_state").values()
    assert weights.tolist() == [[0, 1, 2], [3, 4, 5]]


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch evil",)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (checkpoint(extra=pickle.dumps(Evil(), 2)), "it names"),
        (checkpoint(extra=b"cbuiltins\neval\n(X\x01\x00\x00\x001tR."), "it names builtins.eval"),
        (checkpoint(shape=(2, 4), strides=(4, 1)), "outside its storage"),
        (checkpoint(strides=(1, 2)), "outside its storage"),
        (pickle.dumps(1), "another kind"),
        (checkpoint()[:200], "broken"),
        (b"", "broken"),
        (b"PK\x03\x04" + bytes(50), "broken"),
    ],
)
def test_a_pickle_that_wants_more_than_tensors_is_refused(
    content: bytes, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voice.pt").write_bytes(content)
    with pytest.raises(BadFile, match=word):
        read_tensors(tmp_path / "voice.pt", "model_state")
    assert not (tmp_path / "evil").exists()
    assert len(torch_weights.KNOWN) == 4


def test_mel_bands_follow_the_pitch() -> None:
    """A tone is loudest in the band that its pitch lies in; the bands cover everything once."""
    filters = _filters()
    assert filters.shape == (MELS, 201)
    centres = filters.argmax(axis=1) * 40
    assert list(centres) == sorted(centres)
    for hertz in (200, 1000, 3000):
        times = np.arange(16_000) / 16_000
        loudest = _mels(np.sin(2 * np.pi * hertz * times).astype(np.float32))[50].argmax()
        assert abs(int(centres[loudest]) - hertz) < 0.12 * hertz + 40


def test_a_window_is_heard_in_parts_of_a_second_and_a_half() -> None:
    assert [len(_parts(np.ones((frames, MELS), np.float32))) for frames in (50, 160, 250, 400)] == [1, 1, 2, 4]
    (short,) = _parts(np.ones((50, MELS), np.float32))
    assert short.shape == (160, MELS)
    assert short.sum() == 50 * MELS


def test_the_lstm_is_the_textbooks(rng: np.random.Generator) -> None:
    """Against one step written out (Hochreiter 1997, with torch's order of gates)."""
    network: dict[str, Array] = {
        "lstm.weight_ih_l0": (rng.normal(size=(1024, MELS)) / 8).astype(np.float32),
        "lstm.weight_hh_l0": (rng.normal(size=(1024, 256)) / 16).astype(np.float32),
        "lstm.bias_ih_l0": rng.normal(size=1024).astype(np.float32),
        "lstm.bias_hh_l0": rng.normal(size=1024).astype(np.float32),
    }
    batch = rng.normal(size=(2, 3, MELS)).astype(np.float32)
    hidden = cell = np.zeros((2, 256))
    for frame in range(3):
        gates = batch[:, frame] @ network["lstm.weight_ih_l0"].T + hidden @ network["lstm.weight_hh_l0"].T
        gates = gates + network["lstm.bias_ih_l0"] + network["lstm.bias_hh_l0"]
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        cell = cell / (1 + np.exp(-forget)) + np.tanh(new) / (1 + np.exp(-enter))
        hidden = np.tanh(cell) / (1 + np.exp(-leave))
    assert np.allclose(_lstm(network, 0, batch)[:, -1], hidden, atol=1e-4)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


async def test_voices_need_a_sound_file(tmp_path: Path) -> None:
    engine = VoicesEngine(VOICES, lambda: tmp_path)
    with pytest.raises(BadRequest, match="sound file"):
        await collect(engine, job(VOICES))


@pytest.mark.model
@pytest.mark.slow
async def test_real_weights_tell_people_apart(tmp_path: Path) -> None:
    store = Store(WEIGHTS)
    if not store.holds(store.find("resemblyzer")):
        pytest.skip("resemblyzer is absent from the store")
    engine = VoicesEngine(VOICES, lambda: store.require("resemblyzer"))
    one, other, made = (str(tmp_path / f"{name}.wav") for name in ("one", "other", "made"))
    decode(str(shared("speech/en_jfk.flac")), one, Limits())
    decode(str(shared("speech/zh_funasr_asr_example.wav")), other, Limits())
    write(Path(made), tone(110, 2, 500), np.zeros(16_000, np.float32))
    kennedy = await vectors(engine, job(VOICES, media=Media(one, windows=((0.3, 2.3), (5.4, 7.4), (8.2, 10.2)))))
    speaker = await vectors(engine, job(VOICES, media=Media(other, windows=((1, 3), (3, 5)))))
    strange = await vectors(engine, job(VOICES, media=Media(made, windows=((2.2, 2.8), (0, 0.1), (9, 10)))))

    assert (kennedy @ kennedy.T).min() > 0.6 > (kennedy @ speaker.T).max()
    assert strange.shape == (3, 256)
    await engine.stop()
