"""Whether the numbers and units of a text are those of another, however each language writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

_SCALES = {
    **dict.fromkeys(("thousand", "thousands", "ribu", "nghìn", "ngàn", "千", "พัน", "k"), 1e3),
    **dict.fromkeys(("万", "萬", "หมื่น"), 1e4),
    **dict.fromkeys(("แสน", "十万", "十萬", "lakh"), 1e5),
    **dict.fromkeys(("million", "millions", "juta", "triệu", "百万", "百萬", "ล้าน", "mn"), 1e6),
    **dict.fromkeys(("千万", "千萬", "crore"), 1e7),
    **dict.fromkeys(("亿", "億"), 1e8),
    **dict.fromkeys(("billion", "billions", "miliar", "milyar", "bilion", "tỷ", "tỉ", "十亿", "พันล้าน", "bn"), 1e9),
    **dict.fromkeys(("trillion", "trillions", "triliun", "trilion", "万亿", "兆", "nghìn tỷ", "ล้านล้าน"), 1e12),
}
"""Words behind a number that multiply it."""
_SPELLED = {
    word: value
    for value, words in enumerate(
        (
            "zero nol sifar không 零 ศูนย์",
            "one satu một 一 หนึ่ง once pertama first",
            "two dua hai 二 两 兩 สอง twice both kedua second",
            "three tiga ba 三 สาม ketiga third",
            "four empat bốn 四 สี่",
            "five lima năm 五 ห้า",
            "six enam sáu 六 หก",
            "seven tujuh bảy 七 เจ็ด",
            "eight delapan lapan tám 八 แปด",
            "nine sembilan chín 九 เก้า",
            "ten sepuluh mười 十 สิบ",
            "eleven sebelas 十一 สิบเอ็ด",
            "twelve dozen duabelas 十二 สิบสอง",
        )
    )
    for word in words.split()
}
"""Small numbers that the one language writes in letters and the other in figures."""
SMALL = 31
"""A number up to this may be new in a target: the source's month, weekday, count or century in letters."""
_SCALE = "|".join(sorted(map(re.escape, _SCALES), key=len, reverse=True))
_NUMBER = re.compile(
    rf"\d+(?:[.,’'\u00a0\u202f ](?=\d{{3}}(?!\d))\d{{3}})*(?:[.,]\d+)?(?:\s?-?(?P<scale>{_SCALE})(?![a-z]))?",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"[,.’'\u00a0\u202f ](?=\d{3}(?:\D|\Z))")
_IN_WORDS = re.compile(
    r"hundred|thousand|million|billion|dozen|half|quarter|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|teen|"
    r"[百千万萬亿億廿半]|ratus|ribu|juta|puluh|belas|setengah|trăm|nghìn|ngàn|triệu|mươi|ร้อย|พัน|หมื่น|แสน|ล้าน|สิบ",
    re.IGNORECASE,
)
_UNITS: tuple[tuple[str, str], ...] = (
    (r"%|‰|per\s?cent", r"%|‰|per\s?cent|percentage|百分|成|persen|peratus|phần trăm|เปอร์เซ็นต์|ร้อยละ"),
    (r"kg|kilograms?", r"kg|kilogram|公斤|千克|กิโลกรัม|กก\."),
    (r"mg|milligrams?", r"mg|milligram|miligram|毫克|มิลลิกรัม|มก\."),
    (r"km/h|kph", r"km/h|kph|km/jam|km/j|公里|千米|กม|กิโลเมตร"),
    (r"km|kilomet(?:re|er)s?", r"km|kilomet|公里|千米|กิโลเมตร|กม\."),
    (r"cm|centimet(?:re|er)s?", r"cm|centimet|sentimeter|厘米|公分|xăng|เซนติเมตร|ซม\."),
    (r"mm|millimet(?:re|er)s?", r"mm|millimet|milimet|毫米|มิลลิเมตร|มม\."),
    (r"ml|millilit(?:re|er)s?", r"ml|millilit|mililit|毫升|มิลลิลิตร|มล\."),
    (r"°\s?C", r"°\s?C|℃|摄氏|攝氏|độ C|Celsius|Selsius|เซลเซียส"),
    (r"°\s?F", r"°\s?F|℉|华氏|華氏|độ F|Fahrenheit|ฟาเรนไฮต์"),
    (r"GB|MB|kB|TB", r"GB|MB|kB|TB"),
    (r"[kMG]?Hz", r"Hz|赫"),
    (r"kWh|kW|MW", r"kWh|kW|MW|千瓦|兆瓦|กิโลวัตต์|เมกะวัตต์"),
)
"""A unit behind a number, and what may stand for it in another language."""
_UNIT = [
    (re.compile(rf"\d\s?(?:{one})(?![A-Za-z])"), re.compile(rf"(?:{any_})", re.IGNORECASE)) for one, any_ in _UNITS
]


_MONTH = re.compile(r"\s?月")


class Number(Struct, frozen=True):
    values: frozenset[float]
    """What it can mean: `58.000` is fifty-eight thousand or fifty-eight."""
    written: str
    is_month: bool = False
    """Of a Chinese or Japanese date; most languages give it a name."""


def find(text: str) -> list[Number]:
    figures = _ascii(text)
    return [
        Number(frozenset(_values(found)), found[0].strip(), _MONTH.match(figures, found.end()) is not None)
        for found in _NUMBER.finditer(figures)
    ]


def missing(source: str, target: str) -> list[str]:
    """Numbers and units that only the source has, and large numbers that only the target has."""
    wanted, given = find(source), find(target)
    left = list(given)
    lost = []
    for number in wanted:
        match = next((one for one in left if one.values & number.values), None)
        if match is not None:
            left.remove(match)
        elif (
            not number.is_month
            and not any(one.values & number.values for one in given)
            and not _is_spelled(number, target)
        ):
            lost.append(number.written)
    return [*lost, *_invented(source, wanted, left), *_units_lost(source, target)]


def _ascii(text: str) -> str:
    """Every script's digits as ASCII digits."""
    return "".join(str(int(letter)) if letter.isdigit() and letter.isdecimal() else letter for letter in text)


def _values(found: re.Match[str]) -> Iterator[float]:
    scale = _SCALES.get((found["scale"] or "").lower(), 1.0)
    digits = found[0][: found.start("scale") - found.start()].rstrip(" -") if found["scale"] else found[0]
    whole = _GROUPS.sub("", digits)
    for form in {whole, digits}:
        one = form.replace(",", ".")
        if one.count(".") <= 1:
            yield _rounded(float(re.sub(r"[^\d.]", "", one)) * scale)
    if re.fullmatch(r"\d+", digits) and scale == 1:
        if len(digits) == 4 and digits.endswith("0"):
            yield float(digits[2:])  # the 1990s are 90年代
        yield from (float(digits) / power for power in (1e4, 1e8) if len(digits) > 5)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _is_spelled(number: Number, target: str) -> bool:
    """Whether a number that is missing as figures stands there in letters, `satu juta` for a million."""
    lowered = target.lower()
    words = set(re.findall(r"[^\W\d_]+", lowered))
    scales = {1.0, *(scale for word, scale in _SCALES.items() if word in lowered)}
    spelled = {value for word, value in _SPELLED.items() if (word in words if word[0] < "\u0e00" else word in target)}
    return any(_rounded(value * scale) in number.values for value in spelled for scale in scales)


def _invented(source: str, wanted: Iterable[Number], left: Iterable[Number]) -> list[str]:
    if _IN_WORDS.search(source):
        return []
    known = {value for number in wanted for value in number.values}
    return [one.written for one in left if min(one.values) > SMALL and not one.values & known]


def _units_lost(source: str, target: str) -> list[str]:
    lost = []
    for unit, forms in _UNIT:
        found = unit.search(source)
        if found and not forms.search(target):
            lost.append(found[0])
    return lost
