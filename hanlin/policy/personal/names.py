"""Names of people, where the words around say that they are names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hanlin.policy.personal.kinds import HAN, Finding

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟"
    "谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安"
    "齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游"
    "辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗張劉陳楊"
    "黃趙吳孫馬許韓馮鄧蕭葉蘇魏呂盧薑鐘譚陸範賈韋鄒龍賀顧龔邵萬錢嚴湯龐顏莊聶"
)
COMPOUND = (
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|宇文|长孙|司徒|夏侯|端木|南宫|独孤|百里|呼延|歐陽|諸葛|司馬"
)
_FIRST = SURNAMES + "".join(sorted({name[0] for name in COMPOUND.split("|")}))
_COMPOUND_REST = "|".join(f"(?<={name[0]}){name[1:]}" for name in COMPOUND.split("|"))
_NOT_GIVEN = (
    "的了是在有和与及或们个这那哪什么谁我你他她它不没很也都就还要会能可被把给对从到说让叫去来为着过吗呢吧啊呀之其"
    "以于而且但因所如若则再又更最只太里上下前后时候人家者种些每各某本该此几多少样年月日号岁男女性住电手微邮地身先"
    "老同医经师生姐士"
)
_GIVEN = rf"(?:(?![{_NOT_GIVEN}])[{HAN}])"
_NOT_NAMES = (
    "谢谢|毕竟|高中|高级|高等|高大|高薪|周边|周围|宁夏|祝福|华裔|华人|应该|金牌|马上|方便|成年|"
    "时尚|时髦|万能|万一|黄色|白人|黑人|安全|平时|单身|普通|全体|常见|常务|任何|任课|程序|温柔|"
    "全国|全部|全校|于是|关于|关键|包括|向来|连续|常常|明明|成功|计算|时间|路过|吴语|方言|古代|"
    "金融|温馨"
)
_NAME = rf"(?!{_NOT_NAMES})(?:(?:{COMPOUND})|[{SURNAMES}]){_GIVEN}{{1,2}}"
_FORM = "姓名|联系人|收件人|收货人|寄件人|申请人|持卡人|投保人|被保险人|户主|患者|法定代表人|经办人"
_SAID = "我叫|我名叫|他叫|她叫|名叫|名字叫|名字是|我的名字|他的名字|她的名字|本人叫|我是|这是|联系"
_FORM_START = re.compile(_FORM)
_SAID_START = re.compile(_SAID)
_AFTER = rf"(?![{HAN}])|(?=[的是在住今男女，手电先来去从毕和与及说有也就都现身家，])"
_ON_FORM = re.compile(rf"(?:姓名)?[ \u3000]?[:：是为|]?[ \u3000]?({_NAME})(?:{_AFTER})")
_AS_SAID = re.compile(rf"[:：叫是]?[ \u3000]?({_NAME})(?:{_AFTER})")
_TITLES = "先生|女士|小姐(?!姐)|同志|同学|老师|教授|医生|大夫|经理|总监|律师|师傅|阿姨"
_TITLED_START = re.compile(rf"[{_FIRST}](?<![{HAN}].)")
_TITLED = re.compile(rf"({_NAME})(?={_TITLES})")
_SAID_SCORES = {"我是": 0.5, "这是": 0.5, "联系": 0.5}
_ENGLISH_WORD = (
    "My name is|my name is|Name ?:|name ?:"
    "|Mrs(?<![A-Za-z]...)(?![A-Za-z])[.]?|Mr(?<![A-Za-z]..)(?![A-Za-z])[.]?"
    "|Ms(?<![A-Za-z]..)(?![A-Za-z])[.]?|Dr(?<![A-Za-z]..)(?![A-Za-z])[.]?"
)
_ENGLISH_START = re.compile(_ENGLISH_WORD, re.ASCII)
_ENGLISH = re.compile(r" {1,2}([A-Z][a-z]{1,20}+(?:[ -][A-Z][a-z]{1,20}+){0,2}+)")

GROWS = (rf"[{_FIRST}](?<![{HAN}].)(?:(?:{_COMPOUND_REST})?{_GIVEN}{{0,2}}[先女小同老教医大经总律师阿]?)\Z",)
"""Ends of a text in which a name may still be growing."""
GROWS_AFTER = (
    rf"(?:{_FORM})(?:姓名)?[ \u3000]?[:：是为|]?[ \u3000]?[{HAN}]{{1,4}}\Z",
    rf"(?:{_SAID})[:：叫是]?[ \u3000]?[{HAN}]{{1,4}}\Z",
    rf"(?:{_ENGLISH_WORD}) {{1,2}}[A-Z][A-Za-z]{{0,21}}(?:[ -][A-Za-z]{{0,21}}){{0,3}}\Z",
)
"""The same for what stands after a word, which may have left."""
STARTS = f"{_FIRST}A-Z"


def find_names(text: str, start: int, before: int) -> Iterator[Finding]:
    """Names that start at `start` or later; the words that say so may stand from `before` on."""
    for word in _FORM_START.finditer(text, before):
        yield from _named(_ON_FORM.match(text, word.end()), start, 0.85)
    for word in _SAID_START.finditer(text, before):
        yield from _named(_AS_SAID.match(text, word.end()), start, _SAID_SCORES.get(word[0], 0.75))
    for first in _TITLED_START.finditer(text, start):
        yield from _named(_TITLED.match(text, first.start()), start, 0.65)
    for word in _ENGLISH_START.finditer(text, before):
        yield from _named(_ENGLISH.match(text, word.end()), start, 0.7)


def _named(match: re.Match[str] | None, start: int, score: float) -> Iterator[Finding]:
    if match and match.start(1) >= start:
        yield Finding("name", *match.span(1), score, "context")
