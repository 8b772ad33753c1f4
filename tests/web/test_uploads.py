"""Files on their way: in pieces, going on after a break, or as one plain form."""

from __future__ import annotations

from typing import Any

import pytest
from litestar import Response, post

from hanlin.web.pages.uploads import FILES, brought
from hanlin.web.respond import redirect
from hanlin.web.visit import BRINGS, Admitted
from tests.web.conftest import FORM, Browser, House

TEXT = b"A letter about the harbour.\n" * 100


async def begin(browser: Browser, name: str = "letter.txt", size: int = len(TEXT)) -> str:
    answer = await browser.post("/uploads", {"name": name, "size": size})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def piece(browser: Browser, upload: str, offset: int, data: bytes, token: str = "") -> tuple[int, dict[str, Any]]:
    headers = {**FORM, "X-CSRF-Token": token or browser.csrf, "Upload-Offset": str(offset)}
    answer = await browser.client.patch(f"/uploads/{upload}", content=data, headers=headers)
    return answer.status_code, answer.json() if answer.text.startswith("{") else {}


async def test_a_file_comes_in_pieces_and_goes_on_where_a_break_left_it(
    browsers: dict[str, Browser], house: House
) -> None:
    owner = browsers["owner"]
    upload = await begin(owner)
    assert await piece(owner, upload, 0, TEXT[:1000]) == (200, {"offset": "1000"})
    status, told = await piece(owner, upload, 500, TEXT[500:])
    assert (status, told["again"]) == (409, True)
    asked = await owner.client.head(f"/uploads/{upload}")
    assert (asked.status_code, asked.headers["upload-offset"]) == (200, "1000")
    early = await owner.post(f"/uploads/{upload}/finish")
    assert early.status_code == 409
    assert (await piece(owner, upload, 1000, TEXT[1000:]))[0] == 200
    names = {(await owner.post(f"/uploads/{upload}/finish")).json()["file"] for _ in range(2)}
    file = await house.rooms.files.get(house.cast.owner, names.pop())
    assert (file.name, file.size_bytes, names) == ("letter.txt", len(TEXT), set())


@pytest.mark.parametrize("who", ["colleague", "stranger"])
async def test_an_upload_of_somebody_else_is_like_one_that_never_was(browsers: dict[str, Browser], who: str) -> None:
    upload, other = await begin(browsers["owner"]), browsers[who]
    for path in (upload, "upload_" + "0" * 32):
        assert (await other.client.head(f"/uploads/{path}")).status_code == 404
        assert (await piece(other, path, 0, TEXT))[0] == 404
        assert (await other.post(f"/uploads/{path}/finish")).status_code == 404
    assert (await browsers["auditor"].post("/uploads", {"name": "x", "size": 3})).status_code == 403


async def test_a_piece_without_the_token_is_refused(browsers: dict[str, Browser]) -> None:
    upload = await begin(browsers["owner"])
    assert (await piece(browsers["owner"], upload, 0, TEXT, token="0" * 64))[0] == 403
    assert (await browsers["owner"].client.head(f"/uploads/{upload}")).headers["upload-offset"] == "0"


async def test_what_is_wrong_is_said_in_the_readers_language(browsers: dict[str, Browser]) -> None:
    owner = browsers["owner"]
    empty = await owner.post("/uploads", {"name": "x", "size": 0}, **{"Accept-Language": "zh"})
    assert (empty.status_code, empty.json()["problem"][:6]) == (400, "文件是空的。")
    assert (await owner.post("/uploads", {"name": "x", "size": "-1"})).status_code == 400
    assert (await owner.post("/uploads", {"name": "x", "size": 7 * 1024**3})).status_code == 413
    upload = await begin(owner, "thing.bin", 4)
    await piece(owner, upload, 0, b"\x00\x01\x02\x03")
    unknown = await owner.post(f"/uploads/{upload}/finish")
    assert unknown.status_code == 400
    assert unknown.json()["problem"].startswith("This kind of file is not read here.")


async def test_giving_up_an_upload_removes_it(browsers: dict[str, Browser]) -> None:
    owner = browsers["owner"]
    upload = await begin(owner)
    gone = await owner.client.delete(f"/uploads/{upload}", headers={**FORM, "X-CSRF-Token": owner.csrf})
    assert gone.status_code == 200
    assert (await owner.client.head(f"/uploads/{upload}")).status_code == 404


@post("/bring", opt=BRINGS, status_code=200, request_max_body_size=None)
async def bring(visit: Admitted) -> Response[str]:
    """Stands for the form of a room."""
    made = await brought(visit, "user_data")
    return redirect(visit, f"/{','.join(file.name for file in made.files)}?note={made.form['note']}")


@pytest.fixture
async def form(house: House) -> Browser:
    """The owner at a page with such a form."""
    import httpx
    from litestar import Litestar, Router
    from litestar.di import Provide

    from hanlin.web import failures
    from hanlin.web.visit import find_visit, guard
    from tests.web.conftest import URL

    async def admit(connection: object, handler: object) -> None:
        await guard(house.rooms, connection, handler)  # type: ignore[arg-type]

    router = Router(path="/", route_handlers=[bring], guards=[admit], dependencies={"visit": Provide(find_visit)})
    app = Litestar([router], exception_handlers=failures(house.rooms), openapi_config=None)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)  # type: ignore[arg-type]
    client.cookies.set("hanlin", house.cast.tokens["owner"])
    return Browser(client)


async def test_a_form_brings_a_file_itself_or_names_those_that_came(
    browsers: dict[str, Browser], form: Browser
) -> None:
    owner = browsers["owner"]
    form.csrf = owner.csrf
    upload = await begin(owner)
    await piece(owner, upload, 0, TEXT)
    named = (await owner.post(f"/uploads/{upload}/finish")).json()["file"]
    answer = await form.post("/bring", {"file": [named, named, ""], "note": "two"})
    assert answer.headers["location"] == "/letter.txt?note=two"
    fields = {"csrf": owner.csrf, "note": "one"}
    plain = await form.client.post("/bring", data=fields, files={"file": ("plain.txt", TEXT)}, headers=FORM)
    assert plain.headers["location"] == "/plain.txt?note=one"
    nothing = await form.client.post("/bring", data=fields, files={"file": ("", b"")}, headers=FORM)
    assert nothing.headers["location"] == "/?note=one"


async def test_a_form_without_the_token_brings_nothing(form: Browser, house: House) -> None:
    for data in ({"csrf": "0" * 64}, {}):
        plain = await form.client.post("/bring", data=data, files={"file": ("plain.txt", TEXT)}, headers=FORM)
        assert plain.status_code == 403
    assert (await form.post("/bring", {"file": "file_" + "0" * 32})).status_code == 403
    assert await house.rooms.files.recent(house.cast.owner) == []


async def test_a_form_names_only_ones_own_files_and_not_too_many(browsers: dict[str, Browser], form: Browser) -> None:
    other = browsers["colleague"]
    upload = await begin(other)
    await piece(other, upload, 0, TEXT)
    theirs = (await other.post(f"/uploads/{upload}/finish")).json()["file"]
    form.csrf = browsers["owner"].csrf
    assert (await form.post("/bring", {"file": theirs})).status_code == 404
    assert (await form.post("/bring", {"file": [f"file_{n:032x}" for n in range(FILES + 1)]})).status_code == 400
