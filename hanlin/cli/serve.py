"""hanlin serve: fetch the default weights if need be, start everything, say how to come in, stop cleanly."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import socket
import sys

from msgspec.structs import replace

from hanlin import __version__
from hanlin.accounts import FirstRun
from hanlin.cli.models import pull_with_progress
from hanlin.errors import HanlinError
from hanlin.settings import Settings, load
from hanlin.types import Skill

log = logging.getLogger("hanlin")
DRAIN_SECONDS = 30
"""How long running answers may go on after the server was told to stop."""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("serve", help="start the server")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    import uvloop

    settings, _origin = load()
    log_to_standard_error(settings.log_level.upper())
    fetch_weights(settings)
    return uvloop.run(serve(settings))


def log_to_standard_error(level: str) -> None:
    """Hanlin's own log at `level`; libraries from warnings on, as below that some log values, and so people's texts."""
    logging.basicConfig(
        level=max(logging.WARNING, logging.getLevelName(level)),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("hanlin").setLevel(level)


def fetch_weights(settings: Settings) -> None:
    """Bring what the settings' models need. Without a chat model nothing serves; of the others a word is enough."""
    from hanlin.app.offer import models, weights_of

    for model in models(settings):
        name = weights_of(model)
        try:
            if name:
                pull_with_progress(name, settings)
        except HanlinError as error:
            if model.skill is Skill.CHAT:
                raise
            log.warning("%s", error)


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; 0 after a clean stop, 1 when it ended by itself: the record broke."""
    from hanlin.cli.listening import listen

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listen(settings.host, settings.port) as listening:
        settings = replace(settings, port=listening.getsockname()[1])
        return await serve_on(listening, settings, stop)


async def serve_on(listening: socket.socket, settings: Settings, stop: asyncio.Event) -> int:
    from hanlin.app import open_house
    from hanlin.cli.listening import Listener

    async with open_house(settings) as house:
        server = Listener(house.asgi, listening)
        gc.collect()
        gc.freeze()  # what was built to serve stays: the collector need not look at it again and again
        gc.set_threshold(20_000, 50, 100)
        serving = asyncio.create_task(server.serve())
        waits = [asyncio.create_task(event.wait()) for event in (stop, house.failed)]
        print(welcome(settings, house.first_run), flush=True)
        await asyncio.wait([*waits, serving], return_when=asyncio.FIRST_COMPLETED)
        await house.running.drain(0 if house.failed.is_set() else DRAIN_SECONDS)
        server.stop()  # type: ignore[no-untyped-call]
        await serving
        for wait in waits:
            wait.cancel()
    return 0 if stop.is_set() and not house.failed.is_set() else 1


def welcome(settings: Settings, first_run: FirstRun | None) -> str:
    """What a person needs to come in: the address, the one-time sign-in, and a request to paste."""
    lines = [f"Hanlin {__version__} serves at {settings.url}"]
    if first_run is not None:
        lines += ["", "Sign in as the administrator (works once, for 24 hours):"]
        lines += [f"  {settings.url}/welcome?token={first_run.sign_in_token}"]
    key = first_run.key if first_run is not None and first_run.key else "$HANLIN_KEY"
    service = settings.services[0].name if settings.services else "assistant"
    lines += [
        "",
        "Ask it something:" if key.startswith("hl_") else "Ask it something (make a key on the page Keys):",
        f"  curl {settings.url}/v1/chat/completions \\",
        f"    -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\"
        if key.startswith("hl_")
        else f"    -H \"Authorization: Bearer {key}\" -H 'Content-Type: application/json' \\",
        f'    -d \'{{"model": "{service}", "messages": [{{"role": "user", "content": "你好！Who are you?"}}]}}\'',
        "",
        "Stop it with Ctrl-C.",
    ]
    return "\n".join(lines)
