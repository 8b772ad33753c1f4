"""Numbers as a sheet shows them (ECMA-376 part 1, §18.8.30): dates, shares, decimals, thousands."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Any

_BUILT_IN = {1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 49: "@"} | {
    37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 44: "#,##0.00",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
    **dict.fromkeys((27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    **dict.fromkeys((32, 33, 34, 35, 55, 56), "h:mm:ss"),
}  # fmt: skip
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]hms]*\]|_.|\*.')
_FAR_DAYS = 2_958_466
"""After 9999-12-31."""


class Formats:
    """The number formats of a workbook's cell styles."""

    def __init__(self, root: Any, from_1904: bool) -> None:
        own = (
            {}
            if root is None
            else {each.get("numFmtId"): each.get("formatCode", "") for each in root.iter("{*}numFmt")}
        )
        styles = [] if root is None else [xf.get("numFmtId", "0") for xfs in root.iter("{*}cellXfs") for xf in xfs]
        self._codes = [own.get(style, _BUILT_IN.get(int(style) if style.isdigit() else 0, "")) for style in styles]
        self._origin = dt.datetime(1904, 1, 1) if from_1904 else dt.datetime(1899, 12, 30)  # noqa: DTZ001 - sheets know no zone

    def shown(self, value: str, style: str) -> str:
        """A stored number as people see it; what is no number comes back as it is."""
        code = self._codes[int(style)] if style.isdigit() and int(style) < len(self._codes) else ""
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value.strip()
        if not number.is_finite() or abs(number.adjusted()) > 308:
            return value.strip()
        sections = code.split(";")
        code = _LITERAL.sub("", sections[1] if number < 0 and len(sections) > 1 else sections[0])
        if re.search(r"[ymdhs]", code, re.IGNORECASE) and "general" not in code.lower() and 0 <= number < _FAR_DAYS:
            return self._date(float(number), code.lower())
        return _number(number, code)

    def _date(self, days: float, code: str) -> str:
        moment = self._origin + dt.timedelta(seconds=round(days * 86_400))
        time = moment.strftime("%H:%M:%S").removesuffix(":00") if moment.second == 0 else moment.strftime("%H:%M:%S")
        if "[h" in code:
            return f"{int(days * 24)}:{moment:%M}"
        if not re.search(r"[yd]", code):
            return time if re.search(r"[hs]", code) else moment.strftime("%Y-%m")
        return f"{moment:%Y-%m-%d} {time}" if "h" in code else f"{moment:%Y-%m-%d}"


def _number(number: Decimal, code: str) -> str:
    share = "%" in code
    number = number * 100 if share else number
    places = re.search(r"\.([0#?]+)", code)
    if "0" not in code or "E" in code.upper():
        shown = f"{float(number):.12g}" if abs(number.adjusted()) < 15 else str(number)
        return f"{shown}%" if share else shown
    shown = f"{number:{',' if ',' in code else ''}.{len(places[1]) if places else 0}f}"
    for _ in range(places[1].count("#") if places else 0):
        shown = shown.removesuffix("0")
    shown = shown.removesuffix(".")
    return f"{shown}%" if share else shown
