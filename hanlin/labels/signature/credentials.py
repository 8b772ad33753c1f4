"""Content Credentials (C2PA 2.4) through c2pa-python: signed last, read with every ingredient.

A credential covers the bytes of the file, so whatever is written into the file afterwards breaks it. A file that is to
get another label is signed anew, with the file as it was as its parent.
"""

from __future__ import annotations

import datetime as dt
import io
from functools import lru_cache
from typing import Any

from hanlin import __version__
from hanlin.errors import BadFile, Misconfigured, NotServing
from hanlin.labels.imprint import Imprint, SourceType
from hanlin.labels.signature.authority import SIGNING_USES, Authority
from hanlin.labels.signature.manifest import UNREADABLE, Credential, credential_of
from hanlin.labels.signature.parts import too_many

MEDIA_TYPES = {
    name: name
    for name in (
        "application/pdf", "audio/flac", "audio/mp4", "audio/mpeg", "audio/wav", "image/avif", "image/gif",
        "image/heic", "image/heif", "image/jpeg", "image/png", "image/tiff",
        "image/webp", "video/avi", "video/mp4", "video/quicktime",
    )
} | {
    "audio/m4a": "audio/mp4", "audio/mp3": "audio/mpeg", "audio/vnd.wave": "audio/wav", "audio/wave": "audio/wav",
    "audio/x-flac": "audio/flac", "audio/x-m4a": "audio/mp4", "audio/x-wav": "audio/wav", "image/jpg": "image/jpeg",
    "video/msvideo": "video/avi", "video/x-m4v": "video/mp4", "video/x-msvideo": "video/avi",
}  # fmt: skip
"""What can be signed, and the name the library knows it by. Not Office files: the library takes only packages that are
stored without compression, ten times as large, and adds a part that their content types do not name.
"""
_CONTEXT = {"dc": "http://purl.org/dc/elements/1.1/", "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"}
_MINING = ("ai_generative_training", "ai_inference", "ai_training", "data_mining")
_MARK = b"jumb"
"""No embedded credential is without: its outermost box lies bare in the file."""
_TRUSTED_USES = "\n".join(["1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9", *(use.dotted_string for use in SIGNING_USES)])
"""Time stamping, OCSP signing, and what signs content."""


def supported(media_type: str) -> bool:
    """Whether a file of this type can carry a credential that `sign` writes."""
    return media_type in MEDIA_TYPES


def sign(
    file: bytes,
    media_type: str,
    imprint: Imprint,
    authority: Authority,
    *,
    parent: bytes | None = None,
    parent_type: str = "",
    time_stamp_url: str = "",
    forbid_training: bool = False,
) -> bytes:
    """The file with a credential that says how it came to be. Last of all: nothing may be written into it afterwards.

    `parent` is the file from before a change, with its own credential or none; `parent_type` where that is not
    `media_type`. A file that has a credential and comes without a parent is its own parent, so none is ever lost. A
    label 2 or 3 is no statement of the maker: then the file is opened and labelled, and nothing is said of its source.

    Raises BadFile, Misconfigured when the certificate is refused, NotServing when the time-stamp authority fails (it
    has 30 seconds).
    """
    import c2pa

    _check_signable(file, media_type, parent or b"")
    if parent is None and (imprint.origin is None or is_marked(file)):
        parent, parent_type = file, media_type
    signed = io.BytesIO()
    try:
        with c2pa.Builder(_manifest(imprint, parent, forbid_training), _signing(authority, time_stamp_url)) as builder:
            if parent is not None:
                _add_parent(builder, parent, _name(parent_type or media_type))
            builder.sign(MEDIA_TYPES[media_type], io.BytesIO(file), signed)
    except c2pa.C2paError as error:
        raise _failure(error, time_stamp_url) from None
    return signed.getvalue()


def read(file: bytes, media_type: str, trust_anchors: str) -> Credential | None:
    """The credential in a file, or None when there is none. Fetches nothing, whatever the file asks for.

    `trust_anchors` is PEM, may be empty, and is best the same each time. Never raises for what a file holds: what
    cannot be read is INVALID.
    """
    if not is_marked(file):
        return None
    if too_many(file):
        return UNREADABLE
    import c2pa

    try:
        name = MEDIA_TYPES.get(media_type, media_type)
        with c2pa.Reader(name, io.BytesIO(file), context=_reading(trust_anchors)) as reader:
            return credential_of(reader.json())
    except c2pa.C2paError as error:
        return None if isinstance(error, c2pa.C2paError.ManifestNotFound) else UNREADABLE


_PARENT = {"relationship": "parentOf"}
_UNKNOWN = "application/octet-stream"


def _check_signable(file: bytes, media_type: str, parent: bytes) -> None:
    if not supported(media_type):
        raise BadFile(
            f"A {media_type!r} cannot carry a Content Credential.", action=f"Known: {', '.join(MEDIA_TYPES)}."
        )
    if too_many(file) or too_many(parent):
        raise BadFile("The file has too many parts to be signed.", action="Store it anew with an ordinary program.")
    if MEDIA_TYPES[media_type] == "application/pdf" and b"/Encrypt" in file:  # the library would write it in the clear
        raise BadFile("An encrypted PDF cannot be signed.", action="Take the encryption away first.")


def _add_parent(builder: Any, parent: bytes, name: str) -> None:
    """With its credential; one that is broken, or in a broken file, is recorded by the file's hash alone."""
    import c2pa

    builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    try:
        builder.add_ingredient(_PARENT, name, io.BytesIO(parent))
    except c2pa.C2paError:
        builder.add_ingredient(_PARENT, _UNKNOWN, io.BytesIO(parent))


def _name(media_type: str) -> str:
    """As the library knows it; what it does not know is only hashed."""
    return MEDIA_TYPES.get(media_type, _UNKNOWN)


def is_marked(file: bytes) -> bool:
    """Whether there may be a credential. The library is spared all other files, and we what they might do to it."""
    return _MARK in file


def _manifest(imprint: Imprint, parent: bytes | None, forbid_training: bool) -> dict[str, Any]:
    assertions = [
        {"label": "c2pa.actions.v2", "created": True, "data": {"actions": [_action(imprint, parent)]}},
        {"label": "cawg.metadata", "created": True, "data": _metadata(imprint)},
    ]
    if forbid_training:
        entries = {f"cawg.{use}": {"use": "notAllowed"} for use in _MINING}
        assertions.append({"label": "cawg.training-mining", "created": True, "data": {"entries": entries}})
    return {
        "claim_generator_info": [{"name": "Hanlin", "version": __version__}],
        "title": _number(imprint),
        "assertions": assertions,
    }


def _action(imprint: Imprint, parent: bytes | None) -> dict[str, Any]:
    """The first action is `c2pa.created` or, put before ours by the library for its parent, `c2pa.opened`."""
    if parent is None:
        name = "c2pa.created"
    elif imprint.origin in (None, SourceType.GENERATED):
        name = "c2pa.edited.metadata"  # a whole content with a parent has only got another label
    else:
        name = "c2pa.edited"
    agent = {"name": imprint.system or "Hanlin", "version": imprint.version or __version__}
    when = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    source = {"digitalSourceType": str(imprint.origin)} if imprint.origin else {}
    return {"action": name, "softwareAgent": agent, "when": when, **source}


def _metadata(imprint: Imprint) -> dict[str, Any]:
    """XMP properties as JSON-LD (CAWG Metadata 1.1), with no more of the label than its number: a file has one label
    (6.1 c), and the hash of the file binds that one.
    """
    properties: dict[str, Any] = {"@context": _CONTEXT, "dc:identifier": _number(imprint)}
    if imprint.origin:
        properties["Iptc4xmpExt:DigitalSourceType"] = str(imprint.origin)
    if imprint.system:
        properties["Iptc4xmpExt:AISystemUsed"] = imprint.system
    if imprint.version:
        properties["Iptc4xmpExt:AISystemVersionUsed"] = imprint.version
    return properties


def _number(imprint: Imprint) -> str:
    return imprint.label.produce_id or imprint.label.propagate_id


def _settings(trust_anchors: str) -> dict[str, Any]:
    trust = {"user_anchors": trust_anchors} if trust_anchors else {}
    return {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},
        "core": {"allowed_network_hosts": [], "allow_redirects": False, "max_decompressed_manifest_size_in_mb": 8},
        "trust": {"trust_config": _TRUSTED_USES, **trust},
        "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
    }


@lru_cache(maxsize=16)
def _signing(authority: Authority, time_stamp_url: str) -> Any:
    import c2pa

    try:
        signer = c2pa.Signer.from_info(
            c2pa.C2paSignerInfo(
                authority.algorithm.encode(),
                authority.chain.encode(),
                authority.signing_key.encode(),
                time_stamp_url.encode() or None,
            )
        )
        return c2pa.Context.from_dict(_settings(authority.trust_anchors), signer=signer)
    except c2pa.C2paError as error:
        raise _failure(error, "") from None


@lru_cache(maxsize=16)
def _reading(trust_anchors: str) -> Any:
    import c2pa

    return c2pa.Context.from_dict(_settings(trust_anchors))


def _failure(error: Exception, time_stamp_url: str) -> BadFile | Misconfigured | NotServing:
    import c2pa

    if not isinstance(error, c2pa.C2paError.Signature):
        return BadFile("The file cannot be signed: it is broken, or not of its type.", action="Look at it in a viewer.")
    if time_stamp_url and "certificate" not in str(error):
        return NotServing(
            f"The time-stamp authority {time_stamp_url!r} gave no time stamp.",
            action="Try again, or look at `time_stamp_url`.",
        )
    return Misconfigured("The signing certificate is refused.", action="See docs/how-to/use-real-certificates.md.")
