"""A credential says how a file came to be, holds until a byte changes, and reading one never does what a file asks."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
import shutil
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from hanlin.errors import BadFile, Misconfigured, NotServing
from hanlin.labels.imprint import Imprint, SourceType
from hanlin.labels.signature import credentials
from hanlin.labels.signature.authority import Authority
from hanlin.labels.signature.credentials import MEDIA_TYPES, read, sign, supported
from hanlin.labels.signature.manifest import Credential, State, credential_of
from hanlin.types import Label
from tests.labels.signature.certificates import CLAIM_SIGNING, Issuer, Key, key_pem, p256, pem, put

LABEL = Label("1", "00119144030008867405X2100A1", "0192abc", "", "00119144030008867405X2200A1", "0192abc", "")
IMPRINT = Imprint(LABEL, SourceType.GENERATED, "qwen-image", "2.5")
SUSPECTED = Imprint(Label("3", content_propagator="00119144030008867405X2200000", propagate_id="77"))
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
TONE = (np.sin(np.arange(16_000) / 20) * 0.3).astype(np.float32)


def picture(name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(PIXELS).save(file, name)
        return file.getvalue()

    return make


def sound(name: str, subtype: str) -> Callable[[], bytes]:
    def make() -> bytes:
        import soundfile

        file = io.BytesIO()
        soundfile.write(file, TONE, 16_000, format=name, subtype=subtype)
        return file.getvalue()

    return make


def film(container: str) -> Callable[[], bytes]:
    def make() -> bytes:
        av = pytest.importorskip("av", reason="PyAV is not installed")
        file = io.BytesIO()
        with av.open(file, "w", format=container) as output:
            stream = output.add_stream("mpeg4", rate=10)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            for _ in range(10):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(PIXELS, format="rgb24")))
            output.mux(stream.encode(None))
        return file.getvalue()

    return make


def speech() -> bytes:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    file = io.BytesIO()
    with av.open(file, "w", format="ipod") as output:
        stream = output.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.rate = 16_000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def paper() -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(100, 700, "A page")
    canvas.save()
    return file.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "image/png": picture("PNG"),
    "image/jpeg": picture("JPEG"),
    "image/webp": picture("WEBP"),
    "image/gif": picture("GIF"),
    "image/tiff": picture("TIFF"),
    "image/avif": picture("AVIF"),
    "audio/mpeg": sound("MP3", "MPEG_LAYER_III"),
    "audio/wav": sound("WAV", "PCM_16"),
    "audio/flac": sound("FLAC", "PCM_16"),
    "audio/mp4": speech,
    "video/mp4": film("mp4"),
    "video/quicktime": film("mov"),
    "video/avi": film("avi"),
    "application/pdf": paper,
}
each_file = pytest.mark.parametrize("media_type", FILES)
PNG = FILES["image/png"]()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.open(tmp_path_factory.mktemp("signing"), "示例大学")


def seen(file: bytes, media_type: str, trust_anchors: str) -> Credential:
    found = read(file, media_type, trust_anchors)
    assert found is not None
    return found


@each_file
def test_says_that_a_model_made_it_and_who_answers_for_it(media_type: str, authority: Authority) -> None:
    before = dt.datetime.now(dt.UTC).replace(microsecond=0)
    file = sign(FILES[media_type](), media_type, IMPRINT, authority)
    found = seen(file, media_type, authority.trust_anchors)
    assert found.signed_at is not None
    assert before <= found.signed_at <= dt.datetime.now(dt.UTC)
    assert found == Credential(
        State.TRUSTED,
        issuer="示例大学",
        says_ai=True,
        source_types=(SourceType.GENERATED,),
        actions=("c2pa.created",),
        agent="qwen-image 2.5",
        produce_id="0192abc",
        signed_at=found.signed_at,
    )


@each_file
def test_a_change_is_seen(media_type: str, authority: Authority) -> None:
    file = FILES[media_type]()
    signed = bytearray(sign(file, media_type, IMPRINT, authority))
    place = signed.index(b"/MediaBox") + 12 if media_type == "application/pdf" else signed.rindex(file[-24:-16])
    signed[place] ^= 1
    found = seen(bytes(signed), media_type, authority.trust_anchors)
    assert found.state is State.INVALID
    assert found.problems
    assert all(problem.words.endswith(".") for problem in found.problems)


@each_file
def test_the_content_stays_as_it_was(media_type: str, authority: Authority) -> None:
    file = FILES[media_type]()
    signed = sign(file, media_type, IMPRINT, authority)
    assert len(signed) - len(file) < 6_000
    if media_type.startswith("image/"):
        from PIL import Image

        assert Image.open(io.BytesIO(signed)).tobytes() == Image.open(io.BytesIO(file)).tobytes()
    elif media_type in {"audio/wav", "audio/flac", "audio/mpeg"}:
        import soundfile

        both = [soundfile.read(io.BytesIO(each))[0] for each in (signed, file)]
        assert np.array_equal(*both)
    elif media_type == "application/pdf":
        import pikepdf

        with pikepdf.open(io.BytesIO(signed)) as document:
            assert document.check_pdf_syntax() == []
            assert len(document.pages) == 1


@each_file
def test_ordinary_files_have_none(media_type: str, authority: Authority) -> None:
    assert read(FILES[media_type](), media_type, authority.trust_anchors) is None


def test_a_signer_nobody_knows_is_valid_and_not_trusted(authority: Authority) -> None:
    found = seen(sign(PNG, "image/png", IMPRINT, authority), "image/png", "")
    assert found.state is State.VALID
    assert [problem.code for problem in found.problems] == ["signingCredential.untrusted"]


def test_an_edit_names_what_it_was_made_from(authority: Authority) -> None:
    parent = sign(PNG, "image/png", IMPRINT, authority)
    imprint = Imprint(LABEL, SourceType.EDITED, "eraser", "1")
    file = sign(FILES["image/jpeg"](), "image/jpeg", imprint, authority, parent=parent, parent_type="image/png")
    found = seen(file, "image/jpeg", authority.trust_anchors)
    assert (found.state, found.agent) == (State.TRUSTED, "eraser 1")
    assert found.actions == ("c2pa.opened", "c2pa.edited", "c2pa.created")
    assert found.source_types == (SourceType.EDITED, SourceType.GENERATED)


@pytest.mark.parametrize("parent_type", ["text/markdown", "image/png", "video/mp4"])
def test_a_parent_without_a_credential_is_named_too(authority: Authority, parent_type: str) -> None:
    imprint = Imprint(LABEL, SourceType.COMPOSED)
    file = sign(PNG, "image/png", imprint, authority, parent=b"# A text", parent_type=parent_type)
    found = seen(file, "image/png", authority.trust_anchors)
    assert (found.state, found.actions) == (State.TRUSTED, ("c2pa.opened", "c2pa.edited"))


@each_file
def test_a_new_signature_keeps_the_old_credential(media_type: str, authority: Authority) -> None:
    """A platform that fills in its part of the label signs anew; what the maker said stays."""
    made = sign(FILES[media_type](), media_type, IMPRINT, authority)
    found = seen(sign(made, media_type, SUSPECTED, authority), media_type, authority.trust_anchors)
    assert (found.state, found.says_ai) == (State.TRUSTED, True)
    assert found.actions == ("c2pa.opened", "c2pa.edited.metadata", "c2pa.created")
    assert found.produce_id == "77"


def test_a_suspicion_is_no_statement_of_the_maker(authority: Authority) -> None:
    found = seen(sign(PNG, "image/png", SUSPECTED, authority), "image/png", authority.trust_anchors)
    assert (found.says_ai, found.source_types) == (False, ())
    assert found.actions == ("c2pa.opened", "c2pa.edited.metadata")


def test_a_broken_old_credential_is_no_reason_not_to_sign(authority: Authority) -> None:
    signed = bytearray(sign(PNG, "image/png", IMPRINT, authority))
    start = signed.index(b"jumb")
    signed[start + 60 : start + 90] = bytes(30)
    found = seen(sign(bytes(signed), "image/png", SUSPECTED, authority), "image/png", authority.trust_anchors)
    assert found.state is State.TRUSTED


def test_a_label_written_afterwards_breaks_it(authority: Authority) -> None:
    """Which is why signing comes last."""
    signed = sign(PNG, "image/png", IMPRINT, authority)
    late = b"AIGC\0" + b'{"AIGC":{}}'
    chunk = struct.pack(">I", len(late)) + b"tEXt" + late + struct.pack(">I", zlib.crc32(b"tEXt" + late))
    found = seen(signed[:33] + chunk + signed[33:], "image/png", authority.trust_anchors)
    assert [problem.code for problem in found.problems] == ["assertion.dataHash.mismatch"]


@each_file
def test_a_credential_is_no_second_label(media_type: str, authority: Authority) -> None:
    """6.1 c): a file has one."""
    assert b"AIGC" not in sign(FILES[media_type](), media_type, IMPRINT, authority)


def test_training_can_be_forbidden(authority: Authority) -> None:
    import c2pa

    signed = sign(PNG, "image/png", IMPRINT, authority, forbid_training=True)
    with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
        assertions = {each["label"]: each["data"] for each in reader.get_active_manifest()["assertions"]}
    entries = assertions["cawg.training-mining"]["entries"]
    assert [entries[f"cawg.{use}"] for use in ("ai_training", "ai_inference")] == [{"use": "notAllowed"}] * 2


def test_every_type_we_offer_is_one_the_library_signs() -> None:
    import c2pa

    assert set(MEDIA_TYPES.values()) <= set(c2pa.Builder.get_supported_mime_types())


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "video/x-matroska",
        "audio/ogg",
        "image/svg+xml",
        "text/plain",
        "",
    ],
)
def test_other_types_are_refused_by_name(media_type: str, authority: Authority) -> None:
    assert not supported(media_type)
    with pytest.raises(BadFile, match="cannot carry a Content Credential"):
        sign(PNG, media_type, IMPRINT, authority)


def test_a_file_of_another_type_is_refused(authority: Authority) -> None:
    with pytest.raises(BadFile, match="broken, or not of its type"):
        sign(FILES["image/jpeg"](), "image/png", IMPRINT, authority)


def test_an_encrypted_pdf_is_refused(authority: Authority) -> None:
    """The library signs it, and what it writes is open to everybody."""
    import pikepdf

    locked = io.BytesIO()
    with pikepdf.open(io.BytesIO(paper())) as document:
        document.save(locked, encryption=pikepdf.Encryption(owner="owner", user=""))
    with pytest.raises(BadFile, match="encrypted"):
        sign(locked.getvalue(), "application/pdf", IMPRINT, authority)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_exiftool_reads_it_too(media_type: str, authority: Authority, tmp_path: Path) -> None:
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not on this machine")
    (tmp_path / "signed").write_bytes(sign(FILES[media_type](), media_type, IMPRINT, authority))
    said = subprocess.run(["exiftool", "-j", "signed"], cwd=tmp_path, capture_output=True, check=True).stdout
    tags = json.loads(said)[0]
    assert tags["ActionsDigitalSourceType"] == SourceType.GENERATED
    assert tags["Claim_Generator_InfoName"] == "Hanlin"
    assert "Warning" not in tags


@pytest.mark.parametrize(
    "key",
    [
        p256(),
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
        Ed25519PrivateKey.generate(),
    ],
    ids=["es256", "es384", "ps256", "ed25519"],
)
@pytest.mark.parametrize("use", [ExtendedKeyUsageOID.EMAIL_PROTECTION, CLAIM_SIGNING], ids=["e-mail", "claim signing"])
def test_certificates_of_an_authority_sign_and_are_trusted(tmp_path: Path, key: Key, use: Any) -> None:
    issuer = Issuer("Intermediate", Issuer())
    real = Authority.open(put(tmp_path, key, issuer.issue(key, uses=(use,)), *issuer.chain()), "Example")
    found = seen(sign(PNG, "image/png", IMPRINT, real), "image/png", real.trust_anchors)
    assert (found.state, found.issuer) == (State.TRUSTED, "Real Ltd.")


def test_a_chain_may_end_below_its_root(tmp_path: Path) -> None:
    """Authorities often deliver leaf and intermediate only; the root then goes to anchors.pem."""
    root, key = Issuer(), p256()
    issuer = Issuer("Intermediate", root)
    put(tmp_path, key, issuer.issue(key), issuer.certificate)
    (tmp_path / "anchors.pem").write_bytes(pem(root.certificate))
    real = Authority.open(tmp_path, "Example")
    assert seen(sign(PNG, "image/png", IMPRINT, real), "image/png", real.trust_anchors).state is State.TRUSTED


def test_a_certificate_that_ends_while_the_server_runs_is_misconfigured(tmp_path: Path) -> None:
    issuer, key = Issuer(), p256()
    put(tmp_path, key, issuer.issue(key, valid=dt.timedelta(seconds=1)), *issuer.chain())
    real = Authority.open(tmp_path, "Example")
    time.sleep(2.2)  # validity ends with its second
    for time_stamp_url in ("", "http://127.0.0.1:9/"):
        with pytest.raises(Misconfigured, match="certificate is refused"):
            sign(PNG, "image/png", IMPRINT, real, time_stamp_url=time_stamp_url)


class Stamper:
    """A time-stamp authority of RFC 3161: `openssl ts` behind a port of this machine."""

    def __init__(self, folder: Path) -> None:
        self.issuer, key = Issuer("Time"), p256()
        certificate = self.issuer.issue(key, uses=(ExtendedKeyUsageOID.TIME_STAMPING,))
        (folder / "cert.pem").write_bytes(pem(certificate))
        (folder / "root.pem").write_bytes(pem(self.issuer.certificate))
        (folder / "key.pem").write_bytes(key_pem(key))
        (folder / "serial").write_text("01")
        (folder / "config").write_text(
            "[tsa]\ndefault_tsa = own\n[own]\nserial = serial\nsigner_cert = cert.pem\nsigner_key = key.pem\n"
            "certs = root.pem\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\n"
            "ess_cert_id_alg = sha256\n"
        )
        self.folder = folder
        self.anchors = pem(self.issuer.certificate).decode()

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        reply = ["openssl", "ts", "-reply", "-config", "config", "-queryfile", "query"]
        return subprocess.run(reply, cwd=self.folder, capture_output=True, check=True).stdout


@contextmanager
def serve(answer: Callable[[bytes], bytes]) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server on this machine, its address, and what was asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  # the server's name

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def stamper(tmp_path: Path) -> Stamper:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not on this machine")
    (tmp_path / "stamper").mkdir()
    return Stamper(tmp_path / "stamper")


@pytest.fixture
def stamping(stamper: Stamper) -> Iterator[str]:
    with serve(stamper.answer) as (address, _):
        yield address


@each_file
def test_a_time_stamp_says_when(media_type: str, stamper: Stamper, stamping: str, authority: Authority) -> None:
    file = sign(FILES[media_type](), media_type, IMPRINT, authority, time_stamp_url=stamping)
    found = seen(file, media_type, authority.trust_anchors + stamper.anchors)
    assert (found.state, found.time_stamped, found.problems) == (State.TRUSTED, True, ())
    assert found.signed_at is not None
    assert abs(dt.datetime.now(dt.UTC) - found.signed_at) < dt.timedelta(seconds=30)


def test_a_time_stamp_of_nobody_known_is_said_so(stamping: str, authority: Authority) -> None:
    found = seen(
        sign(PNG, "image/png", IMPRINT, authority, time_stamp_url=stamping), "image/png", authority.trust_anchors
    )
    assert (found.time_stamped, [problem.code for problem in found.problems]) == (True, ["timeStamp.untrusted"])


@pytest.mark.slow
def test_with_a_time_stamp_a_credential_outlives_its_certificate(
    stamper: Stamper, stamping: str, tmp_path: Path
) -> None:
    issuer, key = Issuer(), p256()
    (tmp_path / "real").mkdir()
    put(tmp_path / "real", key, issuer.issue(key, valid=dt.timedelta(seconds=3)), *issuer.chain())
    (tmp_path / "real" / "anchors.pem").write_text(stamper.anchors)
    real = Authority.open(tmp_path / "real", "Example")
    stamped = sign(PNG, "image/png", IMPRINT, real, time_stamp_url=stamping)
    bare = sign(PNG, "image/png", IMPRINT, real)
    time.sleep(4)
    assert seen(stamped, "image/png", real.trust_anchors).state is State.TRUSTED
    late = seen(bare, "image/png", real.trust_anchors)
    assert late.state is State.INVALID
    assert "signingCredential.expired" in [problem.code for problem in late.problems]


@pytest.mark.parametrize("answer", [b"", b"<html>Not found</html>", b"0\x03\x02\x01\x02"])
def test_an_answer_that_is_no_time_stamp_is_an_error(answer: bytes, authority: Authority) -> None:
    with serve(lambda _: answer) as (address, _), pytest.raises(NotServing, match="gave no time stamp"):
        sign(PNG, "image/png", IMPRINT, authority, time_stamp_url=address)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/", "nonsense", "file:///etc/passwd"])
def test_without_the_time_stamp_authority_nothing_is_signed(address: str, authority: Authority) -> None:
    with pytest.raises(NotServing, match="gave no time stamp"):
        sign(PNG, "image/png", IMPRINT, authority, time_stamp_url=address)


def foreign(authority: Authority, manifest: dict[str, Any], *ingredients: tuple[dict[str, str], bytes]) -> bytes:
    """A file that somebody else's program signed."""
    import c2pa

    signer = c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(b"es256", authority.chain.encode(), authority.signing_key.encode(), None)
    )
    off: dict[str, Any] = {"builder": {"thumbnail": {"enabled": False}}}
    context = c2pa.Context.from_dict(off | {"verify": {"verify_after_sign": False}}, signer=signer)
    output = io.BytesIO()
    with c2pa.Builder(manifest, context) as builder:
        if any(each["relationship"] == "parentOf" for each, _ in ingredients):
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        for described, file in ingredients:
            builder.add_ingredient(described, "image/png", io.BytesIO(file))
        builder.sign("image/png", io.BytesIO(PNG), output)
    return output.getvalue()


def actions(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(entries)}}]}


def test_a_source_type_in_a_parent_counts(authority: Authority) -> None:
    """One large vendor's files only open a parent; that a model made it stands there."""
    made = sign(PNG, "image/png", IMPRINT, authority)
    file = foreign(authority, {"assertions": []}, ({"relationship": "parentOf"}, made))
    found = seen(file, "image/png", authority.trust_anchors)
    assert (found.says_ai, found.actions, found.produce_id) == (True, ("c2pa.opened", "c2pa.created"), "")


def test_what_only_prompted_a_model_does_not_count(authority: Authority) -> None:
    camera = {"action": "c2pa.created", "digitalSourceType": SourceType.GENERATED.replace("trained", "x")}
    made = sign(PNG, "image/png", IMPRINT, authority)
    file = foreign(authority, actions(camera), ({"relationship": "inputTo", "title": "prompt"}, made))
    assert not seen(file, "image/png", authority.trust_anchors).says_ai


@pytest.mark.parametrize(
    ("source", "ai"),
    [
        ("trainedAlgorithmicMedia", True),
        ("compositeWithTrainedAlgorithmicMedia", True),
        ("compositeSynthetic", True),
        ("algorithmicMedia", False),
        ("digitalCapture", False),
        ("screenCapture", False),
    ],
)
def test_which_source_types_are_of_a_model(source: str, ai: bool, authority: Authority) -> None:
    uri = "http://cv.iptc.org/newscodes/digitalsourcetype/" + source
    file = foreign(authority, actions({"action": "c2pa.created", "digitalSourceType": uri, "softwareAgent": "Camera"}))
    found = seen(file, "image/png", authority.trust_anchors)
    assert (found.says_ai, found.source_types, found.agent) == (ai, (uri,), "Camera")


def test_reading_fetches_nothing(authority: Authority) -> None:
    """Neither a manifest that lies elsewhere nor what XMP says of one: a file must not make the server call anybody."""
    import c2pa

    with serve(lambda _: b"") as (address, asked):
        output = io.BytesIO()
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(b"es256", authority.chain.encode(), authority.signing_key.encode(), None)
        )
        with c2pa.Builder(actions({"action": "c2pa.created", "digitalSourceType": SourceType.GENERATED})) as builder:
            builder.set_no_embed()
            builder.set_remote_url(address + "manifest")
            builder.sign(signer, "image/png", io.BytesIO(PNG), output)
        elsewhere = output.getvalue()
        assert address.encode() in elsewhere
        marked = elsewhere.replace(b"IDAT", b"IDAT", 1) + b"jumb"
        assert read(elsewhere, "image/png", authority.trust_anchors) is None
        assert seen(marked, "image/png", authority.trust_anchors).state is State.INVALID
        sign(elsewhere, "image/png", IMPRINT, authority)
        assert asked == []


@settings(max_examples=150, deadline=None)
@given(
    media_type=st.sampled_from(["image/png", "image/jpeg", "image/webp", "audio/wav", "application/pdf"]),
    data=st.data(),
)
def test_a_mutated_file_gives_a_verdict_and_nothing_else(
    media_type: str, data: st.DataObject, authority: Authority
) -> None:
    signed = signed_once(media_type, authority)
    chance, file, mark = random.Random(data.draw(st.integers(0, 2**32))), bytearray(signed), signed.index(b"jumb")
    for _ in range(chance.choice([1, 1, 4])):
        file[chance.choice([chance.randrange(len(file)), mark + chance.randrange(3_000)])] = chance.randrange(256)
    file = file[: chance.choice([len(file), chance.randrange(len(file))])]
    found = read(bytes(file), media_type, authority.trust_anchors)
    assert found is None or isinstance(found.state, State)
    with suppress(BadFile):
        sign(bytes(file), media_type, IMPRINT, authority)


@cache
def signed_once(media_type: str, authority: Authority) -> bytes:
    return sign(FILES[media_type](), media_type, IMPRINT, authority)


def boxes(depth: int) -> bytes:
    """Boxes of JUMBF inside one another."""
    described = struct.pack(">I", 26) + b"jumd" + b"c2pa" + bytes(12) + b"\x03c"
    sizes = range(depth * (8 + len(described)), 0, -(8 + len(described)))
    return b"".join(struct.pack(">I", size) + b"jumb" + described for size in sizes)


@pytest.mark.parametrize(
    ("media_type", "file"),
    [
        ("image/png", PNG[:33] + struct.pack(">I", 0x7FFFFFFF) + b"caBX" + b"\0\0\0\x20jumb" + PNG[33:]),
        ("image/png", PNG[:33] + struct.pack(">I", 34 * 30_000) + b"caBX" + boxes(30_000) + bytes(4) + PNG[33:]),
        ("image/webp", b"RIFF\xf0\xff\xff\xffWEBPC2PA\xf0\xff\xff\xff\0\0\0\x20jumb"),
        ("audio/wav", b"RIFF\xf0\xff\xff\xffWAVEC2PA\xf0\xff\xff\xff\0\0\0\x20jumb"),
        ("video/mp4", b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\1uuid" + struct.pack(">Q", 2**61) + b"jumb"),
        ("video/mp4", b"\0\0\0\x18ftypisom" + bytes(12) + b"\0\0\0\x08free" * 500_000 + b"jumb"),
        ("image/tiff", b"II*\0\x08\0\0\0\x01\0\x41\xcd\7\0\xf0\xff\xff\xff\x08\0\0\0\x08\0\0\0jumb"),
        ("audio/mpeg", b"ID3\4\0\0\x7f\x7f\x7f\x7fGEOB\x7f\x7f\x7f\x7f\0\0" + b"jumb" * 9),
        ("application/pdf", b"%PDF-1.4\n1 0 obj\n" + b"<</A " * 200_000 + b"jumb"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_files_end_quickly(media_type: str, file: bytes, authority: Authority) -> None:
    begun = time.perf_counter()
    found = read(file, media_type, authority.trust_anchors)
    assert found is None or found.state is State.INVALID
    with suppress(BadFile):
        sign(file, media_type, IMPRINT, authority)
    assert time.perf_counter() - begun < 4


@pytest.mark.parametrize(
    "report",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"active_manifest":"a","manifests":[]}',
        '{"active_manifest":["a"],"manifests":{"a":1}}',
        '{"a":' * 5_000,
        "x" * 5_000_000,
    ],
)
def test_a_report_that_says_nothing_is_unreadable(report: str) -> None:
    assert [problem.code for problem in credential_of(report).problems] == ["unreadable"]


def test_a_report_whose_manifests_contain_one_another_ends() -> None:
    def manifest(*names: str) -> dict[str, Any]:
        return {
            "ingredients": [{"active_manifest": name, "relationship": "parentOf"} for name in names],
            "assertions": [{"label": "x", "data": {"a": [[{"digitalSourceType": 5}]], "digitalSourceType": "a/b"}}],
        }

    report = {
        "active_manifest": "a",
        "manifests": {"a": manifest("b", "a"), "b": manifest("a", "c")},
        "validation_state": "Valid",
    }
    assert credential_of(json.dumps(report)) == Credential(State.VALID, source_types=("a/b",))


def test_a_state_that_is_new_to_us_is_not_taken_for_a_good_one() -> None:
    report = {"active_manifest": "a", "manifests": {"a": {"title": ""}}, "validation_state": "Superb"}
    assert credential_of(json.dumps(report)).state is State.INVALID


def test_threads_share_one_authority(authority: Authority) -> None:
    with ThreadPoolExecutor(4) as pool:
        signed = list(pool.map(lambda _: sign(PNG, "image/png", IMPRINT, authority), range(24)))
        found = list(pool.map(lambda file: seen(file, "image/png", authority.trust_anchors).state, signed))
    assert found == [State.TRUSTED] * 24


def test_contexts_are_made_once(authority: Authority) -> None:
    assert credentials._signing(authority, "") is credentials._signing(authority, "")
    assert credentials._reading(authority.trust_anchors) is credentials._reading(authority.trust_anchors)
