"""Postal addresses: a chain from a province or city, or from a word such as 住址, down to a house number."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hanlin.policy.personal.kinds import HAN, Finding

_PLACES = (
    "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 "
    "湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 "
    "石家庄 唐山 秦皇岛 邯郸 保定 廊坊 太原 大同 呼和浩特 包头 沈阳 大连 鞍山 长春 哈尔滨 "
    "大庆 南京 无锡 徐州 常州 苏州 南通 连云港 盐城 扬州 镇江 泰州 杭州 宁波 温州 嘉兴 湖州 "
    "绍兴 金华 台州 合肥 芜湖 蚌埠 福州 厦门 莆田 泉州 漳州 南昌 九江 赣州 济南 青岛 淄博 "
    "烟台 潍坊 济宁 临沂 郑州 洛阳 南阳 武汉 宜昌 襄阳 长沙 株洲 湘潭 衡阳 岳阳 广州 韶关 "
    "深圳 珠海 汕头 佛山 江门 湛江 惠州 东莞 中山 南宁 柳州 桂林 海口 三亚 成都 绵阳 德阳 "
    "宜宾 贵阳 遵义 昆明 大理 拉萨 西安 咸阳 宝鸡 兰州 西宁 银川 乌鲁木齐 臺北 台北 高雄 "
    "重慶 廣東 廣州"
)
PLACES = _PLACES.split()
"""Provinces and the larger cities: where an address may begin without a word that says so."""
_FEWEST_LEVELS = 3
_NOT_PLACE = "的了是在有和与及或们个这那我你他她不没很也都就还要会能被把给对从到说让"
_PLACE = rf"(?:(?![{_NOT_PLACE}])[{HAN}])"
_AREA = (
    "自治州|自治县|自治区|特别行政区|开发区|新区|地区|街道|大街|大道|胡同"
    "|[省市区县區縣旗镇鎮乡鄉村路街道巷弄里园苑城庄屯]"
)
_HOUSE = "号楼|号院|號|号|栋|棟|幢|座|楼|樓|层|單元|单元|室|弄|组|户"
_COUNT = r"(?:[A-Za-z]?[0-9]{1,5}+(?:[-－之][0-9]{1,4}+)?[A-Za-z]?|[一二三四五六七八九十百零〇]{1,5}+|[A-Za-z甲乙丙])"
_LEVEL = rf"(?:{_COUNT}(?:{_HOUSE})|{_PLACE}{{1,8}}?(?:{_AREA}))"
_CHAIN = rf"(?:[省市]|自治区)?(?:[ ]?{_LEVEL}){{1,12}}+"
_ANCHOR = "|".join(sorted(PLACES, key=len, reverse=True))
_WORD = "地址|住址|家住|住在|居住地|寄到|送到|寄往"
_PARTED = re.compile(rf"{_COUNT}(?:{_HOUSE})|{_PLACE}{{1,8}}?(?:{_AREA})")
_HOUSE_NUMBER = re.compile(rf"[0-9A-Za-z一二三四五六七八九十百零〇](?:{_HOUSE})")
_PLACED = re.compile(rf"(?:{_ANCHOR}){_CHAIN}")
_PLACED_START = re.compile("|".join(f"{name[0]}(?={name[1:]})" for name in PLACES))
WORD = re.compile(_WORD)
WORD_CHARACTERS = 8
"""An address begins at most so far after the beginning of its word."""
_SAID = re.compile(rf"(?:是|为)?[ \u3000]?[:：]?[ \u3000]?(?=[{HAN}0-9])({_CHAIN})")


def _beginnings() -> str:
    return "|".join(sorted({name[:length] for name in PLACES for length in range(1, len(name))}, key=len, reverse=True))


_GROWING = rf"(?:[省市]|自治区)?(?:[ ]?{_LEVEL}){{0,12}}+[ ]?[{HAN}0-9A-Za-z－-]{{0,10}}\Z"
GROWS = (rf"(?:{_ANCHOR}){_GROWING}", rf"(?:{_beginnings()})\Z")
"""An end of a text in which an address may still be growing."""
GROWS_AFTER = (rf"(?:{_WORD})(?:是|为)?[ \u3000]?[:：]?[ \u3000]?(?=[{HAN}0-9]){_GROWING}",)
"""The same for what stands after a word, which may have left."""
STARTS = "".join(sorted({name[0] for name in PLACES}))


def find_addresses(text: str, start: int, before: int) -> Iterator[Finding]:
    """Addresses that start at `start` or later; the word before one may stand from `before` on."""
    for place in _PLACED_START.finditer(text, start):
        if match := _PLACED.match(text, place.start()):
            yield from _reaching(match[0], match.start(), 1, 0.75)
    for word in WORD.finditer(text, before):
        match = _SAID.match(text, word.end())
        if match and match.start(1) >= start:
            yield from _reaching(match[1], match.start(1), 0, 0.85)


def _reaching(chain: str, start: int, levels: int, score: float) -> Iterator[Finding]:
    if _HOUSE_NUMBER.search(chain) and levels + len(_PARTED.findall(chain)) >= _FEWEST_LEVELS:
        yield Finding("address", start, start + len(chain), score, "context")
