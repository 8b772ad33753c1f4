"""The gateways that are compared, each started fresh on one core in front of the same fake upstream."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import upstream
import uvloop
from load import Streamed, Target, body, stream, text_of
from machine import ROOT
from processes import NotMeasured, Program, start

KEY = re.compile(r"hl_[a-z2-7]{8}_[A-Za-z0-9_-]{49}")
START_SECONDS = 60
UNLIMITED = 10**12
"""A rate that no measurement reaches: the quota is counted and never hit."""
DECLARATION = "A fake that says one fixed sentence, for a measurement."
"""Why the model serves without an entrance examination."""
NGINX = """
{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 10000000;
  client_body_buffer_size 64k;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/answers;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream fake {{ server 127.0.0.1:{upstream_port}; keepalive 512; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://fake;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""


Model = tuple[str, dict[str, object]]
"""An engine of Hanlin and its options."""


@dataclass(frozen=True)
class Bench:
    """Where gateways are started."""

    folder: Path
    """Fresh for each start."""
    upstream: Program
    upstream_port: int
    core: int
    litellm: Path | None


@dataclass(frozen=True)
class Gateway:
    """A gateway that has been started; `program` is None when there is nothing between load and upstream."""

    program: Program | None
    target: Target
    model: str
    paced_model: str
    text: str = upstream.STREAMED
    """What a stream must hold."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(found: Callable[[], str], program: Program, wanted: str) -> str:
    """What `found` gives as soon as it gives something."""
    until = time.perf_counter() + START_SECONDS
    while time.perf_counter() < until:
        if value := found():
            return value
        program.check()
        time.sleep(0.02)
    raise NotMeasured(f"No {wanted} within {START_SECONDS} seconds: {program.printed()[-1500:]}")


def start_upstream(folder: Path, *, core: int, gap_milliseconds: float) -> tuple[Program, int]:
    port = free_port()
    command = [sys.executable, str(Path(upstream.__file__)), str(port), str(gap_milliseconds)]
    program = start(command, core=core, output=folder / "upstream.log", folder=folder)

    def listening() -> str:
        with socket.socket() as probe:
            return "yes" if probe.connect_ex(("127.0.0.1", port)) == 0 else ""

    wait_until(listening, program, "upstream")
    return program, port


def direct(bench: Bench) -> Gateway:
    return Gateway(None, Target(bench.upstream_port, "none"), "fake", "fake")


def nginx(bench: Bench) -> Gateway:
    """A plain reverse proxy: it passes bytes on and looks at nothing."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if binary is None:
        raise NotMeasured("nginx is not installed.")
    port, user = free_port(), getpass.getuser()
    configuration = bench.folder / "nginx.conf"
    configuration.write_text(
        NGINX.format(
            user="user root;\n" if user == "root" else "",
            folder=bench.folder,
            upstream_port=bench.upstream_port,
            port=port,
        )
    )
    command = [binary, "-p", str(bench.folder), "-e", str(bench.folder / "nginx.log"), "-c", str(configuration)]
    program = start(command, core=bench.core, output=bench.folder / "output", folder=bench.folder)
    return Gateway(program, Target(port, "none"), "fake", "fake")


def hanlin_echo(bench: Bench) -> Gateway:
    """Hanlin with everything on, without an upstream: its own shipped fake engine."""
    paced = echo(pieces=upstream.CHUNKS, delay_seconds=0.005)
    program, target = start_hanlin(bench.folder, bench.core, {"echo": echo(), "paced": paced})
    return Gateway(program, target, "echo", "paced", text=upstream.SENTENCE)


def hanlin_upstream(bench: Bench) -> Gateway:
    """Hanlin with everything on, in front of the fake upstream."""
    program, target = start_hanlin(bench.folder, bench.core, {"fake": fake(bench.upstream_port)})
    return Gateway(program, target, "fake", "fake")


def echo(**options: object) -> Model:
    return "echo", {"answer": upstream.SENTENCE, **options}


def fake(port: int) -> Model:
    """The fake upstream as a model of Hanlin."""
    return "openai", {"base_url": f"http://127.0.0.1:{port}/v1", "model": "fake"}


def start_hanlin(folder: Path, core: int, models: Mapping[str, Model]) -> tuple[Program, Target]:
    """Start a server with a data folder of its own and one internal service a model; wait for its first API key."""
    port = free_port()
    settings = folder / "hanlin.toml"
    settings.write_text(hanlin_settings(folder, port, models))
    program = start(
        [sys.executable, "-m", "hanlin", "serve"],
        core=core,
        output=folder / "output",
        folder=ROOT,
        environment={"HANLIN_SETTINGS": str(settings)},
    )

    def key() -> str:
        found = KEY.search(program.printed())
        return found[0] if found else ""

    try:
        return program, Target(port, wait_until(key, program, "API key in what it prints"))
    except NotMeasured:
        program.stop()
        raise


def hanlin_settings(folder: Path, port: int, models: Mapping[str, Model]) -> str:
    """Everything as it is by default, but for the embedded model, and for limits that a measurement would reach."""
    lines = [
        f"port = {port}",
        f"data = {json.dumps(str(folder / 'data'))}",
        'model = "none"',
        "offline = true",
        "concurrent_generations = 100000",
        *(f"{name} = {UNLIMITED}" for name in ("requests_per_minute", "tokens_per_minute", "tokens_per_day")),
    ]
    for name, (engine, options) in models.items():
        lines += ["[[models]]", f'name = "{name}"', f'engine = "{engine}"', f'declaration = "{DECLARATION}"']
        lines += ["[models.options]", *(f"{key} = {json.dumps(value)}" for key, value in options.items())]
        lines += ["[[services]]", f'name = "{name}"', f'models = ["{name}"]']
    return "\n".join(lines) + "\n"


def litellm(bench: Bench) -> Gateway:
    """LiteLLM's proxy with one worker and a key, without a database, logging errors only."""
    if bench.litellm is None:
        raise NotMeasured("No --litellm VENV was given.")
    port, key = free_port(), "sk-measured-here"
    upstream_url = f"http://127.0.0.1:{bench.upstream_port}/v1"
    parameters = {"model": "openai/fake", "api_base": upstream_url, "api_key": "none"}
    configuration = bench.folder / "litellm.yaml"
    configuration.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": "fake", "litellm_params": parameters}],
                "general_settings": {"master_key": key},
                "litellm_settings": {"telemetry": False, "set_verbose": False, "json_logs": True},
            }
        )
    )
    command = [str(bench.litellm / "bin" / "litellm"), "--config", str(configuration), "--telemetry", "False"]
    program = start(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"],
        core=bench.core,
        output=bench.folder / "output",
        folder=bench.folder,
        environment={"LITELLM_LOG": "ERROR", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    )
    return Gateway(program, Target(port, key), "fake", "fake")


def wait_until_whole(gateway: Gateway) -> None:
    """Wait for a first whole stream. Raises NotMeasured when none comes or the gateway changes what was said."""
    until = time.perf_counter() + START_SECONDS
    content = body(gateway.model, stream=True)
    while (seen := first_stream(gateway, content)).failure:
        if gateway.program:
            gateway.program.check()
        if time.perf_counter() > until:
            raise NotMeasured(f"No whole answer within {START_SECONDS} seconds: {seen.failure}")
        time.sleep(0.05)
    if gateway.text not in (text := text_of(seen.received)):
        raise NotMeasured(f"The answer is not what was said: {text[:200]!r}")


def first_stream(gateway: Gateway, content: bytes) -> Streamed:
    try:
        return uvloop.run(stream(gateway.target, content, keep=True))
    except OSError as error:
        return Streamed(failure=str(error))


GATEWAYS: dict[str, Callable[[Bench], Gateway]] = {
    "direct": direct,
    "nginx": nginx,
    "hanlin echo": hanlin_echo,
    "hanlin upstream": hanlin_upstream,
    "litellm": litellm,
}
