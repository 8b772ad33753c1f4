"""The house as a whole: it opens on an empty folder, closes cleanly, and opens again on what it left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hanlin.app import open_house
from hanlin.errors import Conflict, Misconfigured
from hanlin.types import Model, Service
from tests.api.asgi_client import Client, question
from tests.api.cast import framework, premises, settings


async def test_what_one_run_left_is_there_in_the_next(tmp_path: Path) -> None:
    async with premises(tmp_path) as here:
        key = here.keys["owner"]
        answer = await here.client.ask(key, "plain")
        assert answer.status == 200
    async with open_house(settings(tmp_path)) as house:
        client = Client(house.asgi)
        receipt = await client.send("GET", answer.headers["x-hanlin-receipt"], key=key)
        assert receipt.json["request"] == answer.headers["x-request-id"]
        usage = await client.send("GET", "/api/usage?by=service", key=key)
        assert [(line["key"], line["requests"]) for line in usage.json] == [("plain", 1)]
        assert (await client.ask(key, "plain")).status == 200  # certified before, so it serves at once
        events = [entry.leaf.event for entry in (await framework(house).state.rooms.log.entries(limit=200)).entries]
        assert (events.count("server:started"), events.count("server:stopped")) == (2, 1)


async def test_a_folder_has_one_server(tmp_path: Path) -> None:
    async with open_house(settings(tmp_path)):
        with pytest.raises(Conflict) as error:
            async with open_house(settings(tmp_path)):
                pass
        assert error.value.code == "data_folder_in_use"


async def test_a_record_without_its_master_key_is_not_opened_with_a_new_one(tmp_path: Path) -> None:
    async with open_house(settings(tmp_path)):
        pass
    (tmp_path / "master.key").unlink()
    with pytest.raises(Misconfigured, match=r"master\.key is missing"):
        async with open_house(settings(tmp_path)):
            pass


async def test_a_house_that_cannot_open_lets_go_of_its_folder(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        async with open_house(settings(tmp_path, social_credit_code="no such code")):
            pass
    async with open_house(settings(tmp_path)) as house:
        assert (await Client(house.asgi).send("GET", "/health")).json["status"] == "ok"


async def test_a_model_that_fails_its_examination_does_not_serve(tmp_path: Path) -> None:
    mute = Model(name="mute-model", engine="echo", options={"answer": "no"})
    asked = Service(name="mute", models=("mute-model",))
    async with premises(tmp_path, more_models=(mute,), more_services=(asked,)) as here:
        for _ in range(500):
            answer = await here.client.ask(here.keys["owner"], "mute")
            if "has not passed" in answer.error["message"]:
                break
            await asyncio.sleep(0.01)
        assert (answer.status, answer.error["code"]) == (503, "model_not_serving")
        assert "has not passed its examination" in answer.error["message"]


async def test_a_stopping_house_ends_answers_that_do_not_end_by_themselves(tmp_path: Path) -> None:
    async with premises(tmp_path) as here:
        body = question("slow", stream=True)
        async with here.client.stream("POST", "/v1/chat/completions", key=here.keys["owner"], json=body) as exchange:
            await exchange.first(3)
            await here.house.running.drain(0.05)
            await exchange.end(5)
        assert (await here.outcomes())[0].status == "cancelled"
        refused = await here.client.ask(here.keys["owner"], "plain")
        assert (refused.status, refused.error["code"]) == (503, "stopping")


async def test_health_names_the_record_and_every_engine_and_no_secret(tmp_path: Path) -> None:
    async with premises(tmp_path) as here:
        answer = await here.client.send("GET", "/health", host="10.0.0.9")
        assert answer.status == 200
        assert set(answer.json) == {"status", "version", "record", "engines"}
        assert answer.json["record"]["ready"] is True
        assert {state["ready"] for state in answer.json["engines"].values()} == {True}
        assert str(tmp_path).encode() not in answer.body


async def test_metrics_count_what_ended(tmp_path: Path) -> None:
    async with premises(tmp_path) as here:
        for model in ("plain", "plum", "nowhere"):
            await here.client.ask(here.keys["owner"], model)
        text = (await here.client.send("GET", "/metrics", key=here.keys["operator"])).body.decode()
    for line in (
        'hanlin_generations_total{model="plain-model",service="plain",status="completed"} 1.0',
        'hanlin_generations_total{model="plum-model",service="plum",status="refused_output"} 1.0',
        'hanlin_generations_total{model="",service="",status="not_served"} 1.0',
        'hanlin_tokens_total{kind="completion",model="plain-model",service="plain"} 4.0',
        "hanlin_running_generations 0.0",
    ):
        assert line in text
