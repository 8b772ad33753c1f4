"""The explicit label of a text: a sentence with both elements at its start or end (GB 45438-2025, 5.1)."""

from __future__ import annotations

import re
from typing import Literal

Place = Literal["start", "end", "both"]

EDGE_CHARACTERS = 64
"""How many of the first or last characters, blanks not counted, are the start or end of a text. The standard gives no
number; this one follows what checking tools in use take."""

_SLICE = 4_096
"""Characters looked at for those, blanks and all."""
_SENTENCES = {"zh": "本内容由人工智能生成", "en": "AI-generated content"}

_BREAK = re.compile(
    r"[\r\n。！？!?；;|•·…()（）\[\]【】「」『』《》<>\"“”]+|(?<=[a-z\d\u4e00-\u9fff])\.(?=\s|\Z)|\t| {3,}"
)
"""Where one statement ends and another begins."""
_AI = r"(?:人工智能|AI|ＡＩ|artificial\s?intelligence)"
_AI_WORD = re.compile(_AI, re.IGNORECASE)
_ORNAMENT = r"[\s*_#~`>\-–—=+:：,，.、✨🤖⚠️️ℹ️©@/]*"
_NOUN = (
    r"(?:页面?|网页|回答|回复|内容|文本|文字|文章|文档|文件|文案|正文|图文|图片|图像|图表|插图|配图|封面|答案|结果|资料|材料|报告"
    r"|作品|信息|对话|音频|音乐|语音|视频|画面|摘要|总结|译文|翻译|纪要|题目|代码|表格|幻灯片|演示文稿|简历|邮件|数据)"
)
_WHICH = r"(?:以上|以下|上述|下列|下述|本次?|该|此|这篇?|全部|部分|所有|相关|文中|其中)"
_SUBJECT = rf"(?:{_WHICH}*(?:服务)?{_NOUN}|{_WHICH}+文?)(?:[和与及、]\w{{1,6}})?"
_BY = r"(?:(?:由|含有?)\s*(?:[\w-]{1,16}\s?)??|(?<=[\u4e00-\u9fff])(?:用|使用|利用|通过|借助|采用|基于)\s*)"
_TAIL = (
    r"(?:仅|请|敬请|不|无法|未|可能|或|如|若|谨慎|注意|切?勿|只|供|需|应|由|且|并|已|经|建议|使用前|内容|生成|结果|准确"
    r"|真实|模型|版权)"
)
"""How what follows a label begins: a warning, a condition. Anything else makes a sentence about AI of it."""
_CHINESE = re.compile(
    rf"{_ORNAMENT}(?:(?:温馨|特别|风险|重要)?(?:提示|注意?|声明|说明|标识|标注|免责声明|备注|披露|来源)\s*[:：]?\s*)?"
    rf"(?:{_SUBJECT})?\s*(?:可能|疑似|均|全部|部分|主要|完全|系|为|是|经)*\s*{_BY}?"
    rf"{_AI}\s*(?:大?语言|大|生成式)?(?:模型|技术|助手|工具|系统|算法|服务|智能体)?\s*"
    rf"(?:自动|辅助|协助|一键|深度|智能|创作|直接|参与|所|地)*\s*"
    rf"(?:生成|合成)(?:合成|生成|创作|制作|与|和|、|/)*(?:的|并经人工审核)?{_NOUN}?(?:结果)?\s*"
    rf"(?:[,，:：、\-—–]\s*{_TAIL}.{{0,60}})?{_ORNAMENT}",
    re.IGNORECASE,
)
_WHAT = (
    r"(?:content|text|answer|response|reply|output|document|page|article|image|picture|photo|media|audio|video|music|voice"
    r"|speech|summary|translation|report|message|material|result|slide|presentation|spreadsheet|table|code|caption|file)s?"
)
_HOW = r"(?:(?:fully|partly|partially|entirely|in part|wholly|automatically|possibly|largely|all)\s)?"
_MAY = (
    r"(?:may|might|can|could|please|for|not|always|check|verify|review(?:ed)?|edited|do|use|errors?|internal|without|with"
    r"|on)"
)
_ENGLISH = re.compile(
    rf"{_ORNAMENT}(?:(?:note|notice|disclaimer|disclosure|warning|source|caution)\s*[:：—–-]?\s*)?"
    rf"(?:(?:please note(?: that)?|note that)\s)?"
    rf"(?:(?:the|this|these|all|some|parts?|portions?|of|above|following|preceding)\s)*"
    rf"(?:{_WHAT}(?:\s(?:above|below|here|on this page|in this \w+))?\s)?"
    rf"(?:(?:is|are|was|were|has been|have been|may be|may have been|might be|could be|is suspected to be)\s)?{_HOW}"
    rf"(?:AI\s?[\-‑–]?\s?(?:assisted\s)?(?:generated|synthesi[sz]ed)(?:\s{_WHAT})?"
    rf"|(?:generated|synthesi[sz]ed)\s(?:by|with|using|through|with the help of)\s(?:an?\s|the\s)?"
    rf"(?:\w{{1,16}}\s)?{_AI}"
    rf"(?:\s(?:large\s)?(?:language\s)?(?:model|assistant|tool|system|technology|software|service|agent)s?)?)\s*"
    rf"(?:(?:[,:\-—–]\s?|\s)(?:and\s|but\s|it\s|they\s)?{_MAY}\b.{{0,90}})?{_ORNAMENT}",
    re.IGNORECASE,
)


def sentence(language: str) -> str:
    """The label itself, in `zh` or else in English."""
    return _SENTENCES.get(language, _SENTENCES["en"])


def add(text: str, language: str, place: Place = "end") -> str:
    """The text with the label on a line of its own, where there is none yet.

    Line ends are those of the text. A label already at that place, in any wording, is left as it is.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = newline * 2 if text.strip() else ""
    if place != "end" and not _at_start(text):
        text = f"{sentence(language)}{gap}{text}"
    if place != "start" and not _at_end(text):
        text = f"{text.rstrip()}{gap}{sentence(language)}{newline}"
    return text


def stands_in(text: str) -> bool:
    """Whether both elements, AI and generation, stand as a label in the first or last `EDGE_CHARACTERS`.

    A label is a statement of its own about the content; a sentence about AI, a question or a denial is none. Chinese
    and English.
    """
    return _at_start(text) or _at_end(text)


def _at_start(text: str) -> bool:
    edge = text[:_SLICE].lstrip("\ufeff \t\r\n")
    return any(_visible(edge[:start]) < EDGE_CHARACTERS for start, _ in _labels(edge))


def _at_end(text: str) -> bool:
    edge = text[-_SLICE:].rstrip()
    return any(_visible(edge[end:]) < EDGE_CHARACTERS for _, end in _labels(edge, cut=len(text) > _SLICE))


def _visible(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _labels(text: str, *, cut: bool = False) -> list[tuple[int, int]]:
    """Where statements that are labels begin and end. With `cut` the first is not whole and does not count."""
    if not _AI_WORD.search(text):
        return []
    found, position = [], 0
    for mark in [*((one.start(), one.end()) for one in _BREAK.finditer(text)), (len(text), len(text))]:
        statement = text[position : mark[0]]
        if not (cut and position == 0) and _is_label(statement):
            found.append((position, mark[0]))
        position = mark[1]
    return found


def _is_label(statement: str) -> bool:
    if not 4 <= len(statement) <= 160 or not _AI_WORD.search(statement):
        return False
    return bool(_CHINESE.fullmatch(statement) or _ENGLISH.fullmatch(statement))
