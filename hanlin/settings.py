"""What an operator can set: one frozen struct, read once by `app` and `cli`, handed on as values.

Order, later wins: the default here, the settings file (TOML, `hanlin.toml` or `HANLIN_SETTINGS`), the environment
(`HANLIN_<NAME>`; `HANLIN_<NAME>_FILE` names a file that holds the value, for secrets). An unknown key is an error.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hanlin.errors import Misconfigured, nearest
from hanlin.types import Model, Service

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]


def _help(text: str, **bounds: Any) -> Meta:
    return Meta(description=text, **bounds)


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each field: default, unit in the name, help in its Meta; `hanlin config` prints them with their origin."""

    host: Annotated[str, _help("Address to listen on. Anything but loopback wants `public_url` and TLS before it.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, _help("Port to listen on; 0 takes a free one.", ge=0, le=65535)] = 8000
    public_url: Annotated[
        str, _help("Address people type, such as https://ai.example.org; empty: http://host:port.")
    ] = ""
    data: Annotated[str, _help("Folder of databases, audit log and keys. One server owns it at a time.")] = "data"
    weights: Annotated[
        str, _help("Folder of the content-addressed weight store; may be shared by several servers.")
    ] = "~/.cache/hanlin/weights"
    database_url: Annotated[str, _help("SQLAlchemy URL; empty: SQLite in the data folder.")] = ""
    master_key: Annotated[
        str, _help("64 hex digits that wrap every person's key; empty: made once, kept in data/master.key (0400).")
    ] = ""
    language: Annotated[
        str, _help("Language of pages for people who have not chosen: zh or en.", pattern="^(zh|en)\\Z")
    ] = "en"
    operator: Annotated[str, _help("Name of who offers the service, shown on pages and in labels.")] = "Hanlin"
    social_credit_code: Annotated[
        str, _help("The operator's 18-character 统一社会信用代码; needed for the provider code of a public service.")
    ] = ""
    model: Annotated[str, _help("Catalog name of the embedded default model; `none` starts without one.")] = (
        "qwen2.5-coder-1.5b-instruct"
    )
    engine_threads: Annotated[int, _help("Threads of the embedded engine; 0: cores - 1.", ge=0, le=512)] = 0
    engine_slots: Annotated[int, _help("Answers the embedded engine makes at once.", ge=1, le=64)] = 4
    engine_context_tokens: Annotated[
        int, _help("Context of one answer in the embedded engine.", ge=512, le=1_048_576)
    ] = 8192
    engine_memory_mib: Annotated[
        int, _help("Memory ceiling of the embedded engine's process; 0: weights + context + 1 GiB.", ge=0)
    ] = 0
    engine_prompt_cache_mib: Annotated[int, _help("Prompt cache of the embedded engine.", ge=0)] = 512
    request_bytes: Annotated[int, _help("Largest request body.", ge=1024)] = 8 * 1024 * 1024
    requests_per_minute: Annotated[int, _help("Rate of one key or session, unless set on the key.", ge=1)] = 600
    tokens_per_minute: Annotated[int, _help("Token rate of one workspace, unless set on it.", ge=1)] = 10_000_000
    tokens_per_day: Annotated[int, _help("Tokens of one workspace a day (UTC), unless set on it.", ge=1)] = 50_000_000
    concurrent_generations: Annotated[int, _help("Answers running at once on this server; more get 429.", ge=1)] = 2048
    generation_seconds: Annotated[int, _help("Longest one answer may take.", ge=1)] = 600
    session_hours: Annotated[
        int, _help("A browser session ends after this long unused (and after 7 days anyway).", ge=1)
    ] = 12
    key_days: Annotated[int, _help("Days until a new API key expires, unless chosen otherwise.", ge=1)] = 90
    retention_days: Annotated[int, _help("Days the record is kept; never below 183 (six months).", ge=183)] = 366
    checkpoint_copy: Annotated[
        str, _help("A second folder, best on another disk, that each signed checkpoint is also written to.")
    ] = ""
    policies: Annotated[str, _help("Folder of policy files (*.toml); empty: the shipped policy.")] = ""
    label_security: Annotated[
        str, _help("Signature in the reserved field of labels on files: ed25519 or sm2.", pattern="^(ed25519|sm2)\\Z")
    ] = "ed25519"
    time_stamp_url: Annotated[
        str, _help("RFC 3161 time stamp server for Content Credentials; empty: no time stamps.")
    ] = ""
    spoken_label: Annotated[
        str, _help("Wave file that says the label on sound, at most 15 s; empty: the rhythm short-long short-short.")
    ] = ""
    unlabelled_on_request: Annotated[
        bool, _help("Workspaces may record the agreement of Article 9 and then ask for files without visible label.")
    ] = False
    upload_bytes: Annotated[int, _help("Largest file that may be sent to be labelled or checked.", ge=1024)] = (
        64 * 1024 * 1024
    )
    blobs: Annotated[
        str,
        _help(
            "Where files and what is made of them lie: a folder, or `s3://bucket/prefix`; empty: in the data folder."
        ),
    ] = ""
    file_bytes: Annotated[int, _help("Largest file that a person may bring.", ge=1024)] = 6 * 1024**3
    person_bytes: Annotated[int, _help("All files of one person in one workspace together.", ge=1024)] = 20 * 1024**3
    heavy_jobs: Annotated[
        int, _help("Recordings, documents and translations that are worked on at once.", ge=1, le=64)
    ] = 1
    mail_server: Annotated[
        str, _help("Where results of saved tasks are mailed from, `smtps://user:password@host:465`; empty: no mail.")
    ] = ""
    mail_sender: Annotated[str, _help("Address that such mail comes from.")] = ""
    mail_domains: Annotated[
        tuple[str, ...], _help("Domains to whose addresses mail may go; empty: the sender's own.")
    ] = ()
    upstream_hosts: Annotated[
        tuple[str, ...],
        _help("Private or loopback host names that models added on the console may call (SSRF fence)."),
    ] = ()
    offline: Annotated[bool, _help("Never fetch weights; say which file to put where.")] = False
    traces_url: Annotated[str, _help("OTLP/HTTP endpoint for OpenTelemetry traces; empty: none.")] = ""
    log_level: Annotated[str, _help("debug, info, warning or error.", pattern="^(debug|info|warning|error)\\Z")] = (
        "info"
    )
    models: Annotated[tuple[Model, ...], _help("Models this file registers, `[[models]]`.")] = ()
    services: Annotated[tuple[Service, ...], _help("Services this file offers, `[[services]]`.")] = ()

    @property
    def weights_folder(self) -> Path:
        return Path(self.weights).expanduser()

    @property
    def url(self) -> str:
        """The address people type, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECRETS = frozenset({"mail_server", "master_key"})
KNOWN_SECRETS = frozenset({"changeme", "secret", "password", "123456", "sk-1234"})


def load(file: Path | None = None, environment: Mapping[str, str] = os.environ) -> tuple[Settings, dict[str, str]]:
    """The settings and, per field, where its value came from (`default`, the file's name, the variable's name).

    Raises Misconfigured with the key, what was expected and what to do.
    """
    values: dict[str, Any] = {}
    origin = dict.fromkeys(Settings.__struct_fields__, "default")
    path = file or Path(environment.get("HANLIN_SETTINGS", "hanlin.toml"))
    if path.exists():
        for key, value in _read_file(path).items():
            values[key], origin[key] = value, str(path)
    elif file is not None or "HANLIN_SETTINGS" in environment:
        raise Misconfigured(
            f"Settings file {str(path)!r} does not exist.", action="Create it or unset HANLIN_SETTINGS."
        )
    for key in Settings.__struct_fields__:
        for variable in (f"HANLIN_{key.upper()}", f"HANLIN_{key.upper()}_FILE"):
            if variable in environment:
                values[key], origin[key] = _read_variable(variable, environment[variable]), variable
    unknown = sorted(set(values) - set(Settings.__struct_fields__))
    if unknown:
        raise Misconfigured(
            f"Unknown setting {unknown[0]!r} in {path}.", action=nearest(unknown[0], Settings.__struct_fields__)
        )
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"A setting is not as expected: {error}.", action="See `hanlin config --help`.") from None
    _check_secrets(settings)
    _check_address(settings)
    return settings, origin


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}.", action="Mend the line it names.") from None


def _read_variable(variable: str, value: str) -> Any:
    if variable.endswith("_FILE"):
        try:
            return Path(value).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Misconfigured(
                f"{variable} names a file that cannot be read: {error.strerror}.", action="Check its path and rights."
            ) from None
    if variable == "HANLIN_UPSTREAM_HOSTS":
        return [host for host in value.split(",") if host]
    if variable in ("HANLIN_MODELS", "HANLIN_SERVICES"):
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            raise Misconfigured(f"{variable} is not valid JSON: {error}.", action="Write a list of objects.") from None
    return value


def _check_address(settings: Settings) -> None:
    """Who listens for others must say under which name: a request under another name is refused (DNS rebinding)."""
    if settings.host not in LOOPBACK and not settings.public_url:
        raise Misconfigured(
            f"The server would listen on {settings.host}, and `public_url` is not set.",
            action="Set it to the address people type, such as https://ai.example.org.",
        )


def _check_secrets(settings: Settings) -> None:
    key = settings.master_key
    if not key:
        return
    if key.lower() in KNOWN_SECRETS or len(set(key)) < 8:
        raise Misconfigured("master_key is a known or trivial value.", action="Make one: `openssl rand -hex 32`.")
    try:
        long_enough = len(bytes.fromhex(key)) == 32
    except ValueError:
        long_enough = False
    if not long_enough:
        raise Misconfigured(
            f"master_key must be 64 hex digits, got {len(key)} characters.", action="Make one: `openssl rand -hex 32`."
        )
