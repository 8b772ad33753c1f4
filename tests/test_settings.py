"""Settings: where each value comes from, and a clear word at the start for whatever is wrong with one (S17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanlin.app import open_house
from hanlin.errors import Misconfigured
from hanlin.settings import KNOWN_SECRETS, Settings, load

KEY = "0123456789abcdef" * 4


def write(folder: Path, text: str) -> Path:
    file = folder / "hanlin.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_file_everything_is_the_default() -> None:
    settings, origin = load(environment={})
    assert settings == Settings()
    assert set(origin.values()) == {"default"}
    assert set(origin) == set(Settings.__struct_fields__)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = write(tmp_path, 'port = 9000\nlanguage = "zh"\n')
    settings, origin = load(environment={"HANLIN_PORT": "9001"})
    assert (settings.port, settings.language, settings.host) == (9001, "zh", "127.0.0.1")
    assert (origin["port"], origin["language"], origin["host"]) == ("HANLIN_PORT", file.name, "default")


def test_another_file_is_named_by_argument_or_variable(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text("port = 9002\n", encoding="utf-8")
    assert load(file, {})[0].port == 9002
    assert load(environment={"HANLIN_SETTINGS": str(file)})[0].port == 9002


@pytest.mark.parametrize("environment", [{"HANLIN_SETTINGS": "gone.toml"}, None])
def test_a_file_that_was_named_and_is_not_there_is_an_error(environment: dict[str, str] | None) -> None:
    with pytest.raises(Misconfigured, match=r"'gone\.toml' does not exist"):
        load(Path("gone.toml") if environment is None else None, environment or {})


def test_a_value_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(KEY + "\n", encoding="utf-8")
    settings, origin = load(environment={"HANLIN_MASTER_KEY_FILE": "secret"})
    assert (settings.master_key, origin["master_key"]) == (KEY, "HANLIN_MASTER_KEY_FILE")
    with pytest.raises(Misconfigured, match="HANLIN_MASTER_KEY_FILE names a file that cannot be read"):
        load(environment={"HANLIN_MASTER_KEY_FILE": "gone"})


def test_an_unknown_setting_gets_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "prot = 9000\n")
    with pytest.raises(Misconfigured, match=r"Unknown setting 'prot' in hanlin\.toml\. Known: port"):
        load(environment={})


@pytest.mark.parametrize("text", ["port = ", "port = 1\nport = 2\n", '"', "\x00"])
def test_what_is_not_toml_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(Misconfigured, match=r"hanlin\.toml is not valid TOML: .*\(at "):
        load(environment={})


def test_what_is_not_utf_8_is_not_toml(tmp_path: Path) -> None:
    (tmp_path / "hanlin.toml").write_bytes(b'operator = "\xff"\n')
    with pytest.raises(Misconfigured, match="not valid TOML"):
        load(environment={})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("port = 65536", "port"),
        ("port = -1", "port"),
        ('port = "high"', "port"),
        ('language = "fr"', "language"),
        ("retention_days = 182", "retention_days"),
        ("engine_slots = 0", "engine_slots"),
        ('log_level = "loud"', "log_level"),
        ("models = 1", "models"),
        ('[[models]]\nname = "a"', "models"),
        ('[[services]]\nname = "a"\nmodels = ["b"]\nscope = "everywhere"', "services"),
    ],
)
def test_a_value_that_does_not_fit_is_named(tmp_path: Path, text: str, named: str) -> None:
    write(tmp_path, text)
    with pytest.raises(Misconfigured, match=rf"A setting is not as expected: .*\$\.{named}"):
        load(environment={})


def test_lists_come_from_variables_too() -> None:
    settings, _ = load(
        environment={
            "HANLIN_UPSTREAM_HOSTS": "10.0.3.7,vllm",
            "HANLIN_MODELS": '[{"name": "a", "engine": "echo"}]',
            "HANLIN_OFFLINE": "true",
        }
    )
    assert settings.upstream_hosts == ("10.0.3.7", "vllm")
    assert [(model.name, model.engine) for model in settings.models] == [("a", "echo")]
    assert settings.offline


@pytest.mark.parametrize("name", ["HANLIN_MODELS", "HANLIN_SERVICES"])
def test_a_list_that_is_not_json_is_named(name: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        load(environment={name: "[{"})


@pytest.mark.parametrize(
    "value", [*sorted(KNOWN_SECRETS), "0" * 64, "01" * 32, "x" * 64, KEY[:-1], KEY + "0", "secret!" * 9]
)
def test_a_known_trivial_or_short_master_key_is_refused_by_name_and_not_repeated(value: str) -> None:
    with pytest.raises(Misconfigured, match="master_key") as error:
        load(environment={"HANLIN_MASTER_KEY": value})
    assert value not in str(error.value) or value == "secret"  # the word is also in our sentence
    assert "openssl rand -hex 32" in str(error.value)


async def test_an_unset_master_key_is_made_once_and_random(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        settings = Settings(data=str(tmp_path / name), weights=str(tmp_path / "weights"), model="none")
        for _ in range(2):
            async with open_house(settings):
                pass
            file = tmp_path / name / "master.key"
            assert file.stat().st_mode & 0o777 == 0o400
            made.append(file.read_text(encoding="ascii").strip())
    assert made[0] == made[1] != made[2] == made[3]
    assert len(bytes.fromhex(made[0])) == 32


async def test_no_account_has_a_password_until_somebody_chooses_one(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "data"), weights=str(tmp_path / "weights"), model="none")
    tokens = []
    for _ in range(2):
        async with open_house(settings) as house:
            assert house.first_run is not None
            tokens.append(house.first_run.sign_in_token)
    assert len(set(tokens)) == 2  # each start makes a new one, and the last alone is good


def test_the_address_people_type_has_no_slash_at_its_end() -> None:
    assert Settings(public_url="https://ai.example.org/").url == "https://ai.example.org"
    assert Settings(port=9000).url == "http://127.0.0.1:9000"


def test_a_server_for_others_must_say_its_name() -> None:
    """Else every request under the name people type would be refused, and nobody would know why."""
    with pytest.raises(Misconfigured, match="`public_url` is not set"):
        load(environment={"HANLIN_HOST": "0.0.0.0"})
    settings, _ = load(environment={"HANLIN_HOST": "0.0.0.0", "HANLIN_PUBLIC_URL": "https://ai.example.org/"})
    assert settings.url == "https://ai.example.org"
