"""The 31 risks of Annex A of GB/T 45654-2025, in five classes, and how other taxonomies map to them."""

from __future__ import annotations

from msgspec import Struct


class Risk(Struct, frozen=True):
    """One risk: its number in the annex and its name, in the standard's words and in English."""

    id: str
    zh: str
    en: str


RISKS = {
    risk.id: risk
    for risk in (
        Risk("A.1.a", "煽动颠覆国家政权、推翻社会主义制度", "Calls to overthrow the state or its system"),
        Risk("A.1.b", "危害国家安全和利益、损害国家形象", "Harm to national security, interests or image"),
        Risk("A.1.c", "煽动分裂国家、破坏国家统一和社会稳定", "Calls to split the country or unsettle society"),
        Risk("A.1.d", "宣扬恐怖主义、极端主义", "Terrorism and extremism"),
        Risk("A.1.e", "宣扬民族仇恨", "Ethnic hatred"),
        Risk("A.1.f", "宣扬暴力、淫秽色情", "Violence and obscenity"),
        Risk("A.1.g", "传播虚假有害信息", "False and harmful information"),
        Risk("A.1.h", "其他法律、行政法规禁止的内容", "Other content forbidden by law"),
        Risk("A.2.a", "民族歧视", "By ethnicity"),
        Risk("A.2.b", "信仰歧视", "By belief"),
        Risk("A.2.c", "国别歧视", "By nationality"),
        Risk("A.2.d", "地域歧视", "By region"),
        Risk("A.2.e", "性别歧视", "By sex"),
        Risk("A.2.f", "年龄歧视", "By age"),
        Risk("A.2.g", "职业歧视", "By occupation"),
        Risk("A.2.h", "健康歧视", "By health"),
        Risk("A.2.i", "其他方面歧视", "On other grounds"),
        Risk("A.3.a", "侵犯他人知识产权", "Infringement of intellectual property"),
        Risk("A.3.b", "违反商业道德", "Against business ethics"),
        Risk("A.3.c", "泄露他人商业秘密", "Disclosure of trade secrets"),
        Risk("A.3.d", "利用算法、数据、平台等优势实施垄断和不正当竞争", "Monopoly and unfair competition"),
        Risk("A.3.e", "其他商业违法违规", "Other commercial offences"),
        Risk("A.4.a", "危害他人身心健康", "Harm to body or mind"),
        Risk("A.4.b", "侵害他人肖像权", "Against a person's likeness"),
        Risk("A.4.c", "侵害他人名誉权", "Against a person's reputation"),
        Risk("A.4.d", "侵害他人荣誉权", "Against a person's honours"),
        Risk("A.4.e", "侵害他人隐私权", "Against a person's privacy"),
        Risk("A.4.f", "侵害他人个人信息权益", "Against a person's data"),
        Risk("A.4.g", "侵犯他人其他合法权益", "Against other rights of a person"),
        Risk("A.5.a", "内容不准确", "Seriously inaccurate"),
        Risk("A.5.b", "内容不可靠", "Of no help to the asker"),
    )
}
"""By id. The keyword base and the refusal bank cover the first 17 (A.1, A.2); 29 (A.1 to A.4) are 违法不良信息."""

OPENAI = {
    "harassment": ("A.4.c", "A.4.g"),
    "harassment/threatening": (),
    "hate": ("A.1.e", "A.2.a", "A.2.b", "A.2.c", "A.2.d", "A.2.e", "A.2.f", "A.2.g", "A.2.h", "A.2.i"),
    "hate/threatening": ("A.1.e",),
    "illicit": ("A.1.h", "A.3.e"),
    "illicit/violent": ("A.1.d",),
    "self-harm": ("A.4.a",),
    "self-harm/instructions": ("A.4.a",),
    "self-harm/intent": (),
    "sexual": ("A.1.f",),
    "sexual/minors": (),
    "violence": ("A.1.d", "A.1.f"),
    "violence/graphic": (),
}
"""OpenAI's 13 moderation categories -> the risks that stand for them. Empty: no risk is narrow enough; rules say so."""

MLCOMMONS = {
    "S1": ("A.1.d", "A.1.f"),  # violent crimes
    "S2": ("A.1.h", "A.3.e"),  # non-violent crimes
    "S3": ("A.1.f",),  # sex-related crimes
    "S4": ("A.1.f",),  # child sexual exploitation
    "S5": ("A.4.c",),  # defamation
    "S6": ("A.5.a",),  # specialised advice
    "S7": ("A.4.e", "A.4.f"),  # privacy
    "S8": ("A.3.a",),  # intellectual property
    "S9": ("A.1.d",),  # indiscriminate weapons
    "S10": ("A.1.e", "A.2.i"),  # hate
    "S11": ("A.4.a",),  # suicide and self-harm
    "S12": ("A.1.f",),  # sexual content
    "S13": ("A.1.g",),  # elections
    "S14": ("A.1.h",),  # code interpreter abuse
}
"""MLCommons' hazards as Llama Guard 3 and 4 number them -> risks."""
