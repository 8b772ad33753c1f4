"""Bytes that are too large for rows, under random ids: in a folder, or in a bucket that speaks S3."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from hanlin.errors import Misconfigured, NotFound, NotServing
from hanlin.types import new_id

PIECE_BYTES = 1024 * 1024
_ID = re.compile(r"blob_[0-9a-f]{32}")


class Blobs:
    """Made once per server by `open`. A blob is whole or absent, never changed, and durable when its id is returned.

    Every function that takes an id raises NotFound for one that is not there, and NotServing when a bucket does not
    answer.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    @classmethod
    async def open(cls, place: str | Path, *, scratch: Path | None = None) -> Blobs:
        """A folder (made if need be, mode 0700) or `s3://bucket/prefix`, with copies of what is worked on in `scratch`.

        A bucket's region, endpoint and credentials come from the environment (AWS_REGION, AWS_ENDPOINT_URL,
        AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, …) or the machine's role.
        """
        if isinstance(place, str) and "://" in place:
            return cls(Bucket(_bucket(place), scratch or Path(tempfile.gettempdir())))
        return cls(await asyncio.to_thread(Folder, Path(place)))

    async def put(self, path: Path, *, blob: str = "") -> str:
        """Take over a file: afterwards it is gone from `path`. The new blob's id, `blob_…`.

        `blob`: an id from `types.new_id("blob")` to keep it under, so that doing it twice is as good as once.
        """
        if blob and not await asyncio.to_thread(path.exists) and await self._exists(blob):
            return blob
        return await self._put(path, blob or new_id("blob"))

    async def put_bytes(self, data: bytes, *, blob: str = "") -> str:
        """Keep bytes; `blob` as for `put`."""
        return await self._put(data, blob or new_id("blob"))

    async def read(self, blob: str) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.stream(blob)])

    def local(self, blob: str) -> AbstractAsyncContextManager[Path]:
        """A file to read from while the context lasts; never write to it, for it may be the blob itself."""
        return self._place.local(_checked(blob))

    def stream(self, blob: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end` (not included), in pieces; none where they lie behind its end."""
        return self._place.stream(_checked(blob), start, end)

    async def size(self, blob: str) -> int:
        """In bytes."""
        return await self._place.size(_checked(blob))

    async def delete(self, blob: str) -> None:
        """Gone for good. Deleting what is not there does nothing."""
        await self._place.delete(_checked(blob))

    async def close(self) -> None:
        """What is under way ends by itself; nothing is held open."""

    async def _put(self, source: Path | bytes, blob: str) -> str:
        await self._place.put(_checked(blob), source)
        return blob

    async def _exists(self, blob: str) -> bool:
        try:
            await self.size(blob)
        except NotFound:
            return False
        return True


class Place(Protocol):
    """Where blobs lie. Ids have been checked; a source that is a file is taken over."""

    async def put(self, blob: str, source: Path | bytes) -> None: ...

    def local(self, blob: str) -> AbstractAsyncContextManager[Path]: ...

    def stream(self, blob: str, start: int, end: int | None) -> AsyncIterator[bytes]: ...

    async def size(self, blob: str) -> int: ...

    async def delete(self, blob: str) -> None: ...


class Folder:
    """One file a blob, in 256 folders. A blob is renamed into place when its bytes are on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._coming = folder / "coming"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self._coming, ignore_errors=True)
        self._coming.mkdir(mode=0o700)

    async def put(self, blob: str, source: Path | bytes) -> None:
        await asyncio.to_thread(self._keep, blob, source)

    @asynccontextmanager
    async def local(self, blob: str) -> AsyncIterator[Path]:
        await self.size(blob)
        yield self._path(blob)

    async def stream(self, blob: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(blob).open, "rb")
        except FileNotFoundError:
            raise _missing() from None
        try:
            await asyncio.to_thread(file.seek, start)
            left = None if end is None else end - start
            while left is None or left > 0:
                piece = await asyncio.to_thread(file.read, PIECE_BYTES if left is None else min(left, PIECE_BYTES))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    async def size(self, blob: str) -> int:
        try:
            return (await asyncio.to_thread(self._path(blob).stat)).st_size
        except FileNotFoundError:
            raise _missing() from None

    async def delete(self, blob: str) -> None:
        await asyncio.to_thread(self._path(blob).unlink, missing_ok=True)

    def _path(self, blob: str) -> Path:
        return self._folder / blob[-2:] / blob

    def _keep(self, blob: str, source: Path | bytes) -> None:
        target, coming = self._path(blob), self._coming / blob
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(self._folder)
        if isinstance(source, bytes):
            coming.write_bytes(source)
            _publish(coming, target)
            return
        try:
            _publish(source, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            shutil.copyfile(source, coming)
            _publish(coming, target)
            source.unlink()


class Bucket:
    """One object a blob, through obstore."""

    def __init__(self, store: Any, scratch: Path) -> None:
        self._store = store
        self._scratch = scratch

    async def put(self, blob: str, source: Path | bytes) -> None:
        import obstore

        await _asked(obstore.put_async(self._store, blob, source))
        if isinstance(source, Path):
            await asyncio.to_thread(source.unlink)

    @asynccontextmanager
    async def local(self, blob: str) -> AsyncIterator[Path]:
        descriptor, name = await asyncio.to_thread(tempfile.mkstemp, prefix="blob-", dir=self._scratch)
        path = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for piece in self.stream(blob, 0, None):
                    await asyncio.to_thread(file.write, piece)
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def stream(self, blob: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        import obstore

        end = min(await self.size(blob), end if end is not None else start + 2**62)
        for begin in range(start, end, PIECE_BYTES):
            until = min(begin + PIECE_BYTES, end)
            yield bytes(await _asked(obstore.get_range_async(self._store, blob, start=begin, end=until)))

    async def size(self, blob: str) -> int:
        import obstore

        return int((await _asked(obstore.head_async(self._store, blob)))["size"])

    async def delete(self, blob: str) -> None:
        import obstore

        try:
            await _asked(obstore.delete_async(self._store, blob))
        except NotFound:
            pass


async def _asked(answer: Any) -> Any:
    from obstore.exceptions import BaseError

    try:
        return await answer
    except FileNotFoundError:
        raise _missing() from None
    except BaseError as error:
        raise NotServing(
            f"The bucket did not do what was asked ({type(error).__name__}).",
            action="Try again in a few seconds; if it stays, look at the bucket, its credentials and the network.",
            code="blobs_unavailable",
        ) from None


def _bucket(url: str) -> Any:
    if not url.startswith("s3://"):
        raise Misconfigured("Blobs lie in a folder or in `s3://bucket/prefix`.", action="Change `blobs`.")
    try:
        from obstore.store import from_url
    except ModuleNotFoundError:
        raise Misconfigured("obstore is not installed.", action="Run `pip install 'hanlin[s3]'`.") from None
    return from_url(url)


def _checked(blob: str) -> str:
    if _ID.fullmatch(blob) is None:
        raise _missing()
    return blob


def _missing() -> NotFound:
    return NotFound("These bytes are not here.", action="They may have been erased; bring the file again.")


def _publish(file: Path, target: Path) -> None:
    """Rename into place what is on disk."""
    file.chmod(0o600)
    _sync(file)
    file.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
