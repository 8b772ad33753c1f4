"""The day that somebody names in a meeting, counted from the meeting's own."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIGITS = {digit: number for number, digit in enumerate("零一二三四五六七八九十")} | {"两": 2, "日": 7, "天": 7}
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}

Reader = Callable[[re.Match[str], date], date | None]


def due(phrase: str, held_on: date) -> date | None:
    """The day, or None for what names none. A day without a year is the next one from the meeting on."""
    text = " ".join(phrase.lower().split())
    for pattern, read in _READERS:
        match = pattern.search(text)
        if match is None:
            continue
        try:
            return read(match, held_on)
        except (ValueError, OverflowError):
            return None
    return None


def _iso(match: re.Match[str], _: date) -> date:
    return date(*map(int, match.groups()))


def _month_day(month: int, day: int, year: str | None, held_on: date) -> date:
    if year:
        return date(int(year), month, day)
    this_year = date(held_on.year, month, day)
    return this_year if this_year >= held_on else date(held_on.year + 1, month, day)


def _chinese_day(match: re.Match[str], held_on: date) -> date:
    return _month_day(_number(match[2]), _number(match[3]), match[1], held_on)


def _month_first(match: re.Match[str], held_on: date) -> date:
    return _month_day(_MONTHS.index(match[1]) + 1, int(match[2]), match[3], held_on)


def _day_first(match: re.Match[str], held_on: date) -> date:
    return _month_day(_MONTHS.index(match[2]) + 1, int(match[1]), match[3], held_on)


def _near(days: int) -> Reader:
    return lambda _, held_on: held_on + timedelta(days)


def _weekday(day: int, weeks: int, held_on: date) -> date:
    """That day of the meeting's week and so many on; without a week, the next such day after the meeting."""
    monday = held_on - timedelta(held_on.weekday())
    return monday + timedelta(day + 7 * weeks)


def _english_weekday(match: re.Match[str], held_on: date) -> date:
    day = _WEEKDAYS.index(match[2])
    if match[1] == "next":
        return _weekday(day, 1, held_on)
    ahead = (day - held_on.weekday()) % 7
    return held_on + timedelta(ahead or 7)


def _chinese_weekday(match: re.Match[str], held_on: date) -> date:
    day = _number(match[2]) - 1
    if match[1] is None or match[1] in ("这", "本"):
        found = _weekday(day, 0, held_on)
        return found if found >= held_on or match[1] else found + timedelta(7)
    return _weekday(day, match[1].count("下"), held_on)


def _later(match: re.Match[str], held_on: date) -> date:
    count = _number(match[1])
    if match[2][0] in "m月":
        return _months_on(held_on, count)
    return held_on + timedelta(count * (7 if match[2][0] in "w周星" else 1))


def _months_on(day: date, count: int) -> date:
    year, month = divmod(day.month - 1 + count, 12)
    return date(day.year + year, month + 1, min(day.day, monthrange(day.year + year, month + 1)[1]))


def _month_end(held_on: date, months: int) -> date:
    day = _months_on(held_on.replace(day=1), months)
    return day.replace(day=monthrange(day.year, day.month)[1])


def _end_of_year(_: re.Match[str], held_on: date) -> date:
    return date(held_on.year, 12, 31)


def _number(text: str) -> int:
    """`15`, `two`, `十五`, `二十`, `三`."""
    if text.isdecimal():
        return int(text)
    if text in _NUMBERS:
        return _NUMBERS[text]
    tens, ten, ones = text.rpartition("十")
    if ten:
        return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
    return _DIGITS[text]


_CN = "[零一二两三四五六七八九十]{1,3}"
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"(\d{4})-(\d{1,2})-(\d{1,2})", _iso),
        (rf"(?:(\d{{4}})年)?(\d{{1,2}}|{_CN})月(\d{{1,2}}|{_CN})[日号]", _chinese_day),
        (rf"\b({'|'.join(_MONTHS)})[a-z]*\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (\d{{4}}))?", _month_first),
        (rf"\b(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?({'|'.join(_MONTHS)})[a-z]*\b(?:,? (\d{{4}}))?", _day_first),
        (r"day after tomorrow", _near(2)),
        (r"tomorrow", _near(1)),
        (r"\btoday\b|\btonight\b", _near(0)),
        (r"大后天", _near(3)),
        (r"后天", _near(2)),
        (r"明[天早晚]", _near(1)),
        (r"今[天晚]", _near(0)),
        (r"(下下|下|这|本)?(?:个)?(?:周|星期|礼拜)([一二三四五六日天])", _chinese_weekday),
        (rf"(?:(this|next|on|by|coming) )?({'|'.join(_WEEKDAYS)})", _english_weekday),
        (r"end of (?:the )?(this |next )?week", lambda m, day: _weekday(4, int(m[1] == "next "), day)),
        (r"end of (?:the )?(this |next )?month", lambda m, day: _month_end(day, int(m[1] == "next "))),
        (r"(下|本|这)?个?周末|(?:下|本|这)周内", lambda m, day: _weekday(4, int(m[0].startswith("下")), day)),
        (r"(下个|本|这个|下)?月底", lambda m, day: _month_end(day, int((m[1] or "").startswith("下")))),
        (r"end of (?:the |this )?year|年底", _end_of_year),
        (rf"(?:in|within) (\d{{1,3}}|{'|'.join(_NUMBERS)}) (day|week|month)s?\b", _later),
        (rf"(\d{{1,3}}|{_CN})(?:个)?(天|周|星期|月)(?:之)?(?:后|内|以内)", _later),
        (r"next week|下周|下星期", _near(7)),
        (r"next month|下个?月", lambda _, day: _months_on(day, 1)),
    )
)
