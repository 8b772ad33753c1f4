"""Tensors out of a checkpoint that torch.save wrote before its version 1.6: without torch, without a pickle's powers.

    pickle magic · pickle protocol · pickle system · pickle object · pickle storage keys · the storages
    a storage: i64 count, then that many little-endian 32-bit floats

The unpickler knows the five names that a dictionary of float tensors needs; any other name is refused, so nothing runs.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hanlin.errors import BadFile

MAGIC = 0x1950A86A20F9469CFC6C
MAX_ELEMENTS = 64_000_000

Array = npt.NDArray[np.float32]


class _Tensor:
    """Where a tensor lies in a storage: the storages come after the pickle."""

    def __init__(self, storage: tuple[str, int], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.key, self.elements = storage
        self.offset = offset
        self.shape = shape
        self.strides = strides


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


class _FloatStorage:
    """Stands for torch.FloatStorage; made of nothing."""


KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): lambda tensor, *_: tensor,
    ("torch", "FloatStorage"): _FloatStorage,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        found = KNOWN.get((module, name))
        if found is None:
            raise _refused(f"it names {module[:60]}.{name[:60]}")
        return found

    def persistent_load(self, pid: Any) -> tuple[str, int]:
        kind, storage, key, _, elements, *_ = pid
        if kind != "storage" or storage is not _FloatStorage:
            raise _refused("it holds something else than 32-bit floats")
        return str(key), int(elements)


def read_tensors(path: Path, under: str) -> dict[str, Array]:
    """The named tensors in the checkpoint's dictionary `under`. Raises BadFile when it is not such a file."""
    try:
        with path.open("rb") as file:
            if _load(file) != MAGIC:
                raise _refused("its first bytes are of another kind of file")
            _load(file), _load(file)
            checkpoint, keys = _load(file), _load(file)
            storages = {str(key): _read_storage(file) for key in keys}
        tensors = {name: one for name, one in checkpoint[under].items() if isinstance(one, _Tensor)}
        return {name: _array(one, storages[one.key]) for name, one in tensors.items()}
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise _refused("it is broken") from None


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _read_storage(file: BinaryIO) -> Array:
    count = int.from_bytes(file.read(8), "little")
    if count > MAX_ELEMENTS:
        raise _refused(f"a storage of {count} numbers")
    return np.frombuffer(file.read(4 * count), "<f4", count)


def _array(tensor: _Tensor, storage: Array) -> Array:
    """The tensor's elements; only a plain layout is read, where the last dimension lies together."""
    size = int(np.prod(tensor.shape, dtype=np.int64))
    plain = tuple(int(np.prod(tensor.shape[place + 1 :], dtype=np.int64)) for place in range(len(tensor.shape)))
    if tensor.strides != plain or tensor.offset < 0 or tensor.offset + size > len(storage):
        raise _refused("a tensor lies outside its storage")
    return storage[tensor.offset : tensor.offset + size].reshape(tensor.shape)


def _refused(why: str) -> BadFile:
    return BadFile(f"The checkpoint is not read: {why}.", action="Fetch it again.", code="malformed_weights")
