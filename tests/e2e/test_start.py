"""The first minute: what a start prints, what a wrong one says, and what listens afterwards."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import listening
from tests.e2e.server import Server, service


def test_the_first_start_prints_all_it_takes_to_come_in(tmp_path: Path) -> None:
    """The printed request works when it is pasted; the link opens a page; a second start prints no key."""
    with Server(tmp_path, service("echo")) as server:
        printed = server.printed()
        assert f"serves at {server.url}\n" in printed
        curl = printed[printed.index("curl ") : printed.index("\n\nStop it")]
        server.wait_for("echo")
        pasted = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=20, check=True)
        assert '"content":"Echo: 你好！Who are you?"' in pasted.stdout
        status, page = server.get(server.sign_in.removeprefix(server.url))
        assert (status, "<form" in page) == (200, True)
        assert server.stop() == 0
        assert "Traceback" not in server.log()
        server.start()
        assert "Bearer hl_" not in server.printed()
        assert server.wait_for("echo").ask("echo", "Still here?")[0] == 200


def test_a_key_of_an_earlier_start_is_never_in_the_log(tmp_path: Path) -> None:
    with Server(tmp_path, 'log_level = "debug"\n' + service("echo")) as server:
        server.wait_for("echo").ask("echo", "A sentence nobody may find in a log.")
        server.stop()
        for secret in (server.key, server.sign_in.partition("token=")[2], "A sentence nobody"):
            assert secret
            assert secret not in server.log()


def test_help_names_the_commands() -> None:
    shown = subprocess.run([sys.executable, "-m", "hanlin", "--help"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    assert {"serve", "models", "audit", "config"} <= set(re.findall(r"^ +(\w+)", shown.stdout, re.MULTILINE))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ("prot = 80", "Unknown setting 'prot'"),
        ('port = "many"', "`$.port`"),
        ('master_key = "changeme"', "master_key"),
        ("port = ", "not valid TOML"),
        (service("odd", fault="unheard of"), "Options of echo model 'odd'"),
        (service("far", "openai", base_url="not an address"), "Model 'far'"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_status_2(tmp_path: Path, settings: str, sentence: str) -> None:
    server = Server(tmp_path, "")
    server.settings.write_text(f'data = "{server.data}"\nmodel = "none"\n{settings}', encoding="utf-8")
    if settings.startswith("port"):
        server.settings.write_text(f'data = "{server.data}"\n{settings}', encoding="utf-8")
    refused = server.hanlin("serve")
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert refused.stderr.startswith("hanlin: ")
    assert "Traceback" not in refused.stderr


def test_an_address_in_use_is_said_and_not_shared(tmp_path: Path) -> None:
    """Two servers on one port would each get half of the requests."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with Server(tmp_path / "one", service("echo")) as server:
        other = Server(tmp_path / "two", service("echo"))
        other.settings.write_text(other.settings.read_text().replace("port = 0", f"port = {server.port}"))
        refused = other.hanlin("serve")
        assert refused.returncode == 2
        assert f"Cannot listen on 127.0.0.1:{server.port}: Address already in use." in refused.stderr
        assert server.get("/health")[0] == 200


def test_only_the_configured_port_listens(tmp_path: Path) -> None:
    """S25."""
    with Server(tmp_path, service("echo")) as server:
        assert server.wait_for("echo").ask("echo", "Hello?")[0] == 200
        assert listening(server.pid) == {("0100007F", server.port)}
