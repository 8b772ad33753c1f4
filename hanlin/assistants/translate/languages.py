"""Which languages are translated, what they are called, and which one a text is in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from msgspec import Struct

from hanlin.errors import BadRequest, nearest


class Language(Struct, frozen=True):
    code: str
    """BCP 47: `zh` (Simplified), `zh-Hant`, `en`, `vi`, …"""
    english: str
    """What models are told."""
    chinese: str
    own: str


class Detected(Struct, frozen=True):
    """The language of a text, "" when there is nothing to tell it by; `share`: how sure, 0 to 1."""

    code: str
    share: float


NOTHING = Detected("", 0)

LANGUAGES: dict[str, Language] = {
    code: Language(code, english, chinese, own)
    for code, english, chinese, own in (
        ("zh", "Simplified Chinese", "简体中文", "简体中文"),
        ("zh-Hant", "Traditional Chinese", "繁体中文", "繁體中文"),
        ("en", "English", "英语", "English"),
        ("vi", "Vietnamese", "越南语", "Tiếng Việt"),
        ("id", "Indonesian", "印度尼西亚语", "Bahasa Indonesia"),
        ("th", "Thai", "泰语", "ไทย"),
        ("ms", "Malay", "马来语", "Bahasa Melayu"),
        ("tl", "Filipino", "菲律宾语", "Filipino"),
        ("km", "Khmer", "高棉语", "ខ្មែរ"),
        ("lo", "Lao", "老挝语", "ລາວ"),
        ("my", "Burmese", "缅甸语", "မြန်မာ"),
        ("ja", "Japanese", "日语", "日本語"),
        ("ko", "Korean", "韩语", "한국어"),
        ("fr", "French", "法语", "Français"),
        ("de", "German", "德语", "Deutsch"),
        ("es", "Spanish", "西班牙语", "Español"),
        ("pt", "Portuguese", "葡萄牙语", "Português"),
        ("it", "Italian", "意大利语", "Italiano"),
        ("nl", "Dutch", "荷兰语", "Nederlands"),
        ("pl", "Polish", "波兰语", "Polski"),
        ("cs", "Czech", "捷克语", "Čeština"),
        ("tr", "Turkish", "土耳其语", "Türkçe"),
        ("ru", "Russian", "俄语", "Русский"),
        ("uk", "Ukrainian", "乌克兰语", "Українська"),
        ("ar", "Arabic", "阿拉伯语", "العربية"),
        ("fa", "Persian", "波斯语", "فارسی"),
        ("ur", "Urdu", "乌尔都语", "اردو"),
        ("he", "Hebrew", "希伯来语", "עברית"),
        ("hi", "Hindi", "印地语", "हिन्दी"),
        ("bn", "Bengali", "孟加拉语", "বাংলা"),
    )
}

UNSPACED = frozenset({"zh", "zh-Hant", "ja", "th", "lo", "km", "my"})
"""Written without spaces between words."""
_LATIN = ("en", "vi", "id", "ms", "tl", "fr", "de", "es", "pt", "it", "nl", "pl", "cs", "tr")

_SCRIPTS = (
    ("han", r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"),
    ("kana", r"\u3040-\u30ff\uff66-\uff9f"),
    ("ko", r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"),
    ("th", r"\u0e01-\u0e5b"),
    ("lo", r"\u0e81-\u0edf"),
    ("km", r"\u1780-\u17ff"),
    ("my", r"\u1000-\u109f"),
    ("arabic", r"\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff"),
    ("he", r"\u0590-\u05ff"),
    ("hi", r"\u0900-\u097f"),
    ("bn", r"\u0980-\u09ff"),
    ("cyrillic", r"\u0400-\u052f"),
    ("latin", r"A-Za-zÀ-ÖØ-öø-ɏ\u1e00-\u1eff"),
)
_SCRIPT = re.compile("|".join(f"(?P<{name}>[{ranges}])" for name, ranges in _SCRIPTS))
_WEIGHTS = {"han": 2.5, "kana": 1.5, "ko": 2.0}
"""A Chinese character says as much as so many letters: one English name in a Chinese line leaves it Chinese."""

_WORD = re.compile(r"[^\W\d_]+")
_INDONESIAN = frozenset(
    _WORD.findall(
        "akses aktivitas area bahkan bahwa batasan bedah beda berbagai bernapas bisa dampak dapat dari daring desa "
        "desember diare direktur diterapkan ditransmisikan efektif eropa epidemi fasilitas fase gue hal harga hewan "
        "identik informasi infeksi inggris italia jumat kabupaten kamis kantor karantina karena kasus kebijakan "
        "kelompok kesehatan kesulitan kode komunitas kondisi konfirmasi korban kualitas laboratorium laju lokal lu "
        "mandiri maret masker mau maupun media medis mencakup mencoba mengatakan mengirim merasa metode meskipun "
        "misalnya mobil mulai mungkin nasional nomor nyeri obat orangtua otoritas pandemi para pasien pasokan pegawai "
        "pemerintah penanganan peneliti penelitian perawatan periode pernapasan perusahaan polisi praktik presiden "
        "pria produk provinsi publik rabu rencana resiko resmi risiko rumahsakit saat saja sampai sebagian sebesar "
        "sebuah sejauh senin sering serikat setelah situasi spesifik staf sulit tahap tampaknya tanggal terhadap "
        "terinfeksi terjadi terkait tersebut tiongkok toko transportasi uang uji universitas upaya wabah wajah yaitu "
        "yakni zat"
    )
)
_MALAY = frozenset(
    _WORD.findall(
        "adakah agensi aktiviti amaran anggaran antarabangsa apabila asid awak awam bagaimanapun baharu bahagian "
        "bahawa balas bandar barangan beliau berbanding boleh berbeza berbincang berkenaan berkesan bernafas beza "
        "bilangan borang cuba daripada diadakan disahkan disember doktor eropah fasa fizikal gambar geografi haiwan "
        "had hendaklah hospital ia ialah ianya iaitu isnin itali jadual jangkitan jantina jujukan jumaat juruteknik "
        "kakitangan kajian kaedah kalangan kanak kawasan kebangsaan kecemasan kedai kemudahan kerajaan kerana kereta "
        "kes kesihatan khamis klinikal kod komuniti kronik kualiti kuarantin kukuh lelaki mac mahu maklumat makmal "
        "malangnya manakala membenarkan memerlukan mempunyai mengikut menjalankan menyokong mesyuarat mula nombor "
        "ogos orang-orang pandemik pantas peguam pejabat pelajar pelbagai peratus perbezaan perkara perkhidmatan "
        "pernafasan pertubuhan perubatan pesakit pihak puan punca ramai rasmi rawatan ringgit rundingan sahaja salur "
        "sebarang sebanyak sekatan sekiranya sekolah-sekolah selepas semasa semula sesetengah setakat simptom sukar "
        "suruhanjaya syarikat tandas tarikh telefon tempatan tempoh terdapat teruk terutamanya topeng turut tuan ubat "
        "ujian universiti usaha wabak wang kepada"
    )
)
"""Words and spellings of one of the two and not, or hardly, of the other."""
_HINTS = {"id": _INDONESIAN - _MALAY, "ms": _MALAY - _INDONESIAN}
_VIETNAMESE = re.compile(r"[ăđơưẠ-ỹ]", re.IGNORECASE)
_UKRAINIAN = re.compile(r"[іїєґ]", re.IGNORECASE)
_PERSIAN, _URDU = re.compile(r"[پچژگ]"), re.compile(r"[ٹڈڑںے]")


def language(code: str, param: str) -> Language:
    """The language of a code, in any case of letters. BadRequest, naming `param`, for an unknown one."""
    found = LANGUAGES.get(alias(code))
    if found is None:
        hint = nearest(code, LANGUAGES)
        raise BadRequest(f"No language {code[:12]!r} is translated here. {hint}", code="unknown_language", param=param)
    return found


def alias(code: str) -> str:
    """The code as it stands in `LANGUAGES`, for other spellings of it (`zh-CN`, `th_TH`); else as it is."""
    lowered = code.lower()
    known = _ALIASES.get(lowered, lowered)
    return "zh-Hant" if known == "zh-hant" else known


_ALIASES = {
    **dict.fromkeys(("zh-cn", "zh-sg", "zh-hans", "zh_cn", "zh-hans-cn"), "zh"),
    **dict.fromkeys(("zh-tw", "zh-hk", "zh-mo", "zh_tw"), "zh-hant"),
    **{f"{code}{joint}{land}": code for code, land in
       (("en", "us"), ("en", "gb"), ("id", "id"), ("ms", "my"), ("th", "th"), ("vi", "vn")) for joint in "-_"},
    "fil": "tl", "in": "id", "pt-br": "pt", "iw": "he",
}  # fmt: skip


def detect(text: str) -> Detected:
    """By script first, then by py3langid among the languages of the script, then by words that tell id from ms."""
    counts: dict[str, float] = {}
    for found in _SCRIPT.finditer(text[:20_000]):
        name = str(found.lastgroup)
        counts[name] = counts.get(name, 0) + _WEIGHTS.get(name, 1)
    if not counts:
        return NOTHING
    if counts.get("kana", 0) > 0.1 * counts.get("han", 0):
        counts["kana"] += counts.pop("han", 0)
    script = max(counts, key=lambda name: counts[name])
    share = counts[script] / sum(counts.values())
    code, sure = _within(script, text[:5_000])
    return Detected(code, round(share * sure, 3))


def _within(script: str, text: str) -> tuple[str, float]:
    """The language among those of a script, and how sure that is."""
    if script == "latin":
        return _latin(text)
    if script == "han":
        return _chinese(text)
    if script == "cyrillic":
        return ("uk" if _UKRAINIAN.search(text) else "ru"), 0.95
    if script == "arabic":
        return ("ur" if _URDU.search(text) else "fa" if _PERSIAN.search(text) else "ar"), 0.9
    return ("ja" if script == "kana" else script), 1.0


def _chinese(text: str) -> tuple[str, float]:
    """Simplified, unless more characters are only Traditional than only Simplified."""
    simplified, traditional = (converter.convert(text) for converter in _converters())
    only_traditional = _differing(text, simplified)
    only_simplified = _differing(text, traditional)
    return ("zh-Hant", 1.0) if only_traditional > only_simplified else ("zh", 1.0)


def _differing(one: str, other: str) -> int:
    return sum(1 for a, b in zip(one, other, strict=False) if a != b)


def _latin(text: str) -> tuple[str, float]:
    words = [word.lower() for word in _WORD.findall(text)]
    letters = sum(map(len, words))
    if len(_VIETNAMESE.findall(text)) > letters / 25:
        return "vi", 1.0
    code, share = _identifier().classify(" ".join(words))  # names in capitals mislead it
    if code in _HINTS:
        return _indonesian_or_malay(str(code), float(share), words)
    return str(code), float(share) * min(1.0, letters / 20)


def _indonesian_or_malay(code: str, share: float, words: list[str]) -> tuple[str, float]:
    """The two are one language to statistics of letters; words that only one of them has decide."""
    votes = {candidate: sum(word in hints for word in words) for candidate, hints in _HINTS.items()}
    best = max(votes, key=lambda candidate: votes[candidate])
    if votes["id"] == votes["ms"]:
        return code, min(share, 0.5)
    return best, (votes[best] + 1) / (sum(votes.values()) + 2)


@lru_cache(1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_LATIN))
    return identifier


@lru_cache(1)
def _converters() -> tuple[Any, Any]:
    """To Simplified, to Traditional."""
    from opencc import OpenCC

    return OpenCC("t2s"), OpenCC("s2t")


def to_script(text: str, code: str) -> str:
    """Chinese in the characters that were asked for; another language as it is."""
    if code not in ("zh", "zh-Hant"):
        return text
    simplified, traditional = _converters()
    return str((simplified if code == "zh" else traditional).convert(text))


def mostly(codes: Iterable[str]) -> str:
    """The code met most often, "" without any."""
    counted: dict[str, int] = {}
    for code in codes:
        if code:
            counted[code] = counted.get(code, 0) + 1
    return max(counted, key=lambda code: counted[code]) if counted else ""
