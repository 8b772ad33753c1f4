"""The room of documents, used as people use it: bring, read, ask, follow a source, share, write, take along."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from hanlin.assistants.documents import Citation, DocumentState, Result, ResultKind, ResultState
from hanlin.labels import HEADER
from hanlin.web.markdown import render
from tests.web.conftest import FORM, Browser, House, Script
from tests.web.scripted import TEXT, says

CONTRACT = Path(__file__).parents[2] / ".." / "shared" / "data" / "documents" / "kreuzberg_sample_contract.pdf"


@pytest.fixture(autouse=True)
def model(script: Script) -> None:
    script.says = says


async def ready(house: House, address: str, who: str = "owner") -> str:
    """Wait until the document of a redirect is read; its id."""
    document = address.rpartition("/")[2].partition("?")[0]
    actor = getattr(house.cast, who)
    async with asyncio.timeout(30):
        while (await house.rooms.documents.document(actor, document)).state is not DocumentState.READY:
            await asyncio.sleep(0.02)
    return document


async def paste(browser: Browser, house: House, text: str = TEXT, collection: str = "") -> str:
    answer = await browser.post("/documents/texts", {"text": text, "collection": collection})
    return await ready(house, answer.headers["location"])


async def ask(browser: Browser, question: str, **scope: str) -> str:
    """The address of the answer."""
    answer = await browser.post("/documents/ask", {"question": question, **scope})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_newcomer_finds_one_place_to_bring_a_file(browsers: dict[str, Browser]) -> None:
    page = (await browsers["owner"].get("/documents")).text
    assert page.count('type="file"') == 1
    assert "Bring a first file" in page
    assert "Nothing here yet." in page
    assert "先上传一份文件" in (await browsers["owner"].get("/documents", **{"Accept-Language": "zh"})).text


async def test_a_file_comes_by_a_plain_form_and_is_shown_while_and_after_it_is_read(
    browsers: dict[str, Browser], house: House
) -> None:
    owner = browsers["owner"]
    fields, file = {"csrf": owner.csrf, "collection": ""}, {"file": ("plan <b>.txt", TEXT.encode())}
    came = await owner.client.post("/documents/files", data=fields, files=file, headers=FORM)
    document = await ready(house, came.headers["location"])
    page = (await owner.get(f"/documents/files/{document}")).text
    assert "Ms Chen leads it" in page
    assert "<b>" not in page
    assert "characters" in (await owner.get("/documents/list")).text
    assert 'hx-trigger="every 2s"' not in (await owner.get("/documents")).text


async def test_several_files_that_came_in_pieces_go_into_a_collection(
    browsers: dict[str, Browser], house: House, tmp_path: Path
) -> None:
    owner = browsers["owner"]
    made = await owner.post("/documents/collections", {"name": "Harbour"})
    collection = made.headers["location"].rpartition("/")[2]
    files = []
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text(TEXT)
        files.append((await house.rooms.files.add(house.cast.owner, tmp_path / name, name)).id)
    came = await owner.post("/documents/files", {"file": files, "collection": collection})
    assert came.headers["location"] == f"/documents/{collection}"
    page = (await owner.get(f"/documents/{collection}")).text
    assert "one.txt" in page
    assert "two.txt" in page
    assert 'name="description"' not in page


async def test_an_answer_names_its_sentence_and_the_sentence_is_marked(
    browsers: dict[str, Browser], house: House
) -> None:
    owner = browsers["owner"]
    document = await paste(owner, house)
    address = await ask(owner, "Who is the deputy?", document=document)
    assert address.startswith(f"/documents/files/{document}?tab=ask&thread=work_")
    page = (await owner.get(address)).text
    link = re.findall(r'<a class="cite" href="([^"]+)">1</a>', page)[0].replace("&amp;", "&")
    assert "/receipts/req_" in page
    assert "AI-generated" in page
    assert "her deputy is Mr Okafor" in page
    shown = (await owner.get(link.replace("tab=ask", "tab=text"))).text
    assert re.search(r'<mark id="mark">[^<]*her deputy is Mr Okafor', shown)


async def test_a_conversation_goes_on_and_what_is_not_there_is_said(browsers: dict[str, Browser], house: House) -> None:
    owner = browsers["owner"]
    await paste(owner, house)
    address = await ask(owner, "When does work begin?")
    thread = re.findall(r"/documents/answers/(work_\w+)", address)[0]
    await ask(owner, "Zebras?", thread=thread)
    page = (await owner.get(f"/documents/answers/{thread}")).text
    assert page.count('class="made"') == 2
    assert "This is not in the documents." in page
    assert "When does work begin?" in (await owner.get("/documents")).text


async def test_a_search_marks_its_words(browsers: dict[str, Browser], house: House) -> None:
    await paste(browsers["owner"], house)
    page = (await browsers["owner"].get("/documents?search=november")).text
    assert "<mark>November</mark>" in page
    assert "No passage has this." in (await browsers["owner"].get("/documents?search=zebra")).text


async def test_a_shared_collection_is_read_by_colleagues_and_changed_by_its_owner_alone(
    browsers: dict[str, Browser], house: House
) -> None:
    owner, colleague = browsers["owner"], browsers["colleague"]
    made = await owner.post("/documents/collections", {"name": "Harbour", "shared": "1"})
    collection = made.headers["location"].rpartition("/")[2]
    document = await paste(owner, house, collection=collection)
    page = (await colleague.get(f"/documents/{collection}")).text
    assert "A colleague shares this collection" in page
    assert 'type="file"' not in page
    assert f"/documents/{collection}/delete" not in page
    seen = (await colleague.get(f"/documents/files/{document}")).text
    assert "Ms Chen leads it" in seen
    assert f"/documents/files/{document}/delete" not in seen
    assert "Okafor" in (await colleague.get(await ask(colleague, "Who is the deputy?", collection=collection))).text
    for path in (f"/documents/{collection}/change", f"/documents/{collection}/delete"):
        assert (await colleague.post(path, {"name": "Mine"})).status_code == 403
    assert (await colleague.post("/documents/texts", {"text": TEXT, "collection": collection})).status_code in (
        403,
        404,
    )
    await owner.post(f"/documents/{collection}/change", {"name": "Harbour"})
    assert (await colleague.get(f"/documents/files/{document}")).status_code == 404


@pytest.mark.parametrize("who", ["colleague", "stranger"])
async def test_what_belongs_to_somebody_else_is_like_what_never_was(
    browsers: dict[str, Browser], house: House, who: str
) -> None:
    owner, other = browsers["owner"], browsers[who]
    made = await owner.post("/documents/collections", {"name": "Harbour"})
    collection = made.headers["location"].rpartition("/")[2]
    document = await paste(owner, house, collection=collection)
    answer = (await ask(owner, "Who is the deputy?", document=document)).rpartition("#")[2]
    cite = f"?cite={answer}.1"
    gets = [
        f"/documents/{collection}",
        f"/documents/list?collection={collection}",
        f"/documents/files/{document}{cite}",
    ]
    gets += [f"/documents/files/{document}/pages/1", f"/documents/files/{document}/tables"]
    gets += [f"/documents/results/{answer}", f"/documents/results/{answer}/file", f"/documents/answers/{answer}"]
    for path in gets:
        unknown = re.sub(r"_[0-9a-f]{32}", "_" + "0" * 32, path)
        theirs, never = await other.get(path), await other.get(unknown)
        assert (theirs.status_code, never.status_code) == (404, 404), path
    posts = [f"/documents/files/{document}/{deed}" for deed in ("make", "again", "delete")]
    posts += [f"/documents/{collection}/delete", f"/documents/results/{answer}/delete"]
    for path in posts:
        assert (await other.post(path, {"kind": "summary"})).status_code == 404, path
    scopes: list[dict[str, str]] = [{"document": document}, {"collection": collection}, {"thread": answer}]
    for scope in scopes:
        assert (await other.post("/documents/ask", {"question": "Who?", **scope})).status_code == 404
    assert (await owner.get(f"/documents/files/{document}")).status_code == 200


async def test_an_auditor_and_nobody_have_no_business_here(browsers: dict[str, Browser]) -> None:
    for path in ("/documents", "/documents/write"):
        assert (await browsers["auditor"].get(path)).status_code == 403
        assert (await browsers["nobody"].get(path)).headers["location"].startswith("/sign-in")


async def test_a_form_without_the_token_changes_nothing(browsers: dict[str, Browser], house: House) -> None:
    owner = browsers["owner"]
    owner.csrf = "0" * 64
    for path in ("/documents/texts", "/documents/collections", "/documents/ask", "/documents/files"):
        form = {"text": TEXT, "name": "x", "question": "Who?"}
        assert (await owner.post(path, form)).status_code == 403, path
    assert await house.rooms.documents.documents(house.cast.owner) == []


@pytest.mark.slow
async def test_a_summary_is_made_shown_and_leaves_sealed(browsers: dict[str, Browser], house: House) -> None:
    owner = browsers["owner"]
    document = await paste(owner, house, TEXT * 2)
    form = {"kind": "summary", "length": "short", "shape": "bullets"}
    made = await owner.post(f"/documents/files/{document}/make", form)
    page = (await owner.get(made.headers["location"])).text
    assert "<strong>1.2 million yuan</strong>" in page
    result = re.findall(r'id="(work_\w+)"', page)[0]
    file = await owner.get(f"/documents/results/{result}/file?kind=md")
    assert file.headers[HEADER.lower()]
    assert "attachment" in file.headers["content-disposition"]
    assert "AIGC" in file.text
    assert (await owner.post(f"/documents/files/{document}/make", {"kind": "poem"})).status_code == 400
    assert (await owner.post(f"/documents/files/{document}/make", {**form, "shape": "round"})).status_code == 400
    await owner.post(f"/documents/results/{result}/delete", {"then": f"/documents/files/{document}"})
    assert (await owner.get(f"/documents/results/{result}")).status_code == 404


async def test_a_long_summary_is_waited_for_with_a_card(
    browsers: dict[str, Browser], house: House, script: Script
) -> None:
    owner = browsers["owner"]
    long = "\n\n".join(f"Part {number}. {TEXT}" for number in range(120))
    document = await paste(owner, house, long)
    script.gate = asyncio.Event()
    made = await owner.post(f"/documents/files/{document}/make", {"kind": "points"})
    page = (await owner.get(made.headers["location"])).text
    result = re.findall(r'<article class="made" id="(work_\w+)"', page)[0]
    assert f'hx-target="#{result}"' in page
    assert 'http-equiv="refresh"' in page
    script.gate.set()
    async with asyncio.timeout(30):
        while (await house.rooms.documents.result(house.cast.owner, result)).state is not ResultState.DONE:
            await asyncio.sleep(0.02)
    assert 'http-equiv="refresh"' not in (await owner.get(made.headers["location"])).text


@pytest.mark.slow
async def test_a_draft_a_polish_and_a_comparison(browsers: dict[str, Browser], house: House, script: Script) -> None:
    owner = browsers["owner"]
    before = await paste(owner, house)
    after = await paste(owner, house, TEXT.replace("Ms Chen", "Mr Lindqvist"))
    page = (await owner.get("/documents/write")).text
    assert page.count('name="documents"') == 2
    form = {"text": "A letter to the city", "genre": "letter", "tone": "formal", "language": "", "documents": before}
    drafted = await owner.post("/documents/write/draft", form)
    assert "A letter to the city" in (await owner.get(drafted.headers["location"])).text
    assert (await owner.post("/documents/write/draft", {**form, "genre": "spell"})).status_code == 400
    script.says = lambda _: "She leads the works."
    polished = await owner.post("/documents/write/polish", {"text": "She lead the works.", "tone": "correct"})
    shown = (await owner.get(polished.headers["location"])).text
    assert re.search(r"<del>[^<]*lead[^<]*</del>", shown)
    assert re.search(r"<ins>[^<]*leads[^<]*</ins>", shown)
    script.says = lambda _: "The leader is another one."
    compared = await owner.post("/documents/write/comparison", {"before": before, "after": after})
    assert "Mr Lindqvist" in (await owner.get(compared.headers["location"])).text


async def test_what_is_deleted_is_gone(browsers: dict[str, Browser], house: House) -> None:
    owner = browsers["owner"]
    document = await paste(owner, house)
    answer = (await ask(owner, "Who is the deputy?", document=document)).rpartition("#")[2]
    gone = await owner.post(f"/documents/files/{document}/delete")
    assert gone.headers["location"].startswith("/documents/coll_")
    assert (await owner.get(f"/documents/files/{document}")).status_code == 404
    assert (await owner.get(f"/documents/results/{answer}")).status_code == 404


def test_marks_become_links_only_where_they_are_marks() -> None:
    hrefs = {1: '/x?a=1&b="2"', 2: "/y"}
    html = render("Yes [1][2], no [3]; `a[1]` and <b>[2]</b>\n\n    code [1]", hrefs)
    assert html.count('class="cite"') == 3
    assert 'href="/x?a=1&amp;b=&#34;2&#34;"' in html
    assert "no [3]" in html
    assert "a[1]" in html
    assert "code [1]" in html
    assert "<b>" not in html


def test_a_source_beside_a_conversation_about_one_document_keeps_the_conversation() -> None:
    from hanlin.web.worked import _href

    citation = Citation(number=2, document="doc_1", name="n", page=3, block=1, sentence="s")
    common = {"id": "work_1", "kind": ResultKind.ANSWER, "state": ResultState.DONE, "created_at": 0, "thread": "work_0"}
    alone = Result(**common, scope=("doc_1",))  # type: ignore[arg-type]
    several = Result(**common, collection="coll_1")  # type: ignore[arg-type]
    assert _href(alone, citation) == "/documents/files/doc_1?page=3&cite=work_1.2&tab=ask&thread=work_0"
    assert _href(several, citation) == "/documents/files/doc_1?page=3&cite=work_1.2"


@pytest.mark.slow
async def test_a_page_is_shown_as_it_looks_with_the_cited_lines_marked(
    browsers: dict[str, Browser], house: House, tmp_path: Path
) -> None:
    if not CONTRACT.is_file():
        pytest.skip("the shared documents are absent")
    owner = browsers["owner"]
    (tmp_path / "contract.pdf").write_bytes(CONTRACT.read_bytes())
    file = await house.rooms.files.add(house.cast.owner, tmp_path / "contract.pdf", "contract.pdf")
    came = await owner.post("/documents/files", {"file": file.id})
    document = await ready(house, came.headers["location"])
    page = await owner.get(await ask(owner, "What does it say about insurance coverage?", document=document))
    link = re.findall(r'<a class="cite" href="([^"]+)">', page.text)[0].replace("&amp;", "&")
    shown = (await owner.get(link)).text
    rects = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>', shown)
    assert rects
    assert all(0 <= float(edge) <= 1 for rect in rects for edge in rect)
    picture = await owner.get(re.findall(r'<img src="(/documents/files/[^"]+)"', shown)[0])
    assert picture.content.startswith(b"\x89PNG")
    assert picture.headers["cache-control"] == "private, max-age=300"
    assert (await owner.get(f"/documents/files/{document}/pages/99")).status_code in (400, 404)
