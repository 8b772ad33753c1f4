"""What the evidence pack says, in both languages; rows are lines, columns are parted by `|`."""

from __future__ import annotations

PLACES = (
    ("PNG", "iTXt XML:com.adobe.xmp, TC260:AIGC"),
    ("JPEG", "APP1 XMP, TC260:AIGC"),
    ("WebP", "RIFF chunk XMP, TC260:AIGC"),
    ("GIF", "Application Extension XMP Data, TC260:AIGC"),
    ("TIFF", "IFD0 tag 0x02BC, TC260:AIGC"),
    ("HEIC, AVIF", "mime item application/rdf+xml, TC260:AIGC"),
    ("MP4, MOV, M4A", "moov.udta.meta, keys AIGC, ilst"),
    ("MKV, WebM", "Segment.Tags.Tag.SimpleTag AIGC"),
    ("FLV", "script onMetaData, AIGC"),
    ("AVI", "LIST INFO, chunk AIGC"),
    ("WAV", "RIFF chunk AIGC"),
    ("MP3", "ID3v2 TXXX AIGC"),
    ("FLAC, OGG, Opus", "Vorbis comment AIGC"),
    ("DOCX, XLSX, PPTX", "docProps/custom.xml, property AIGC"),
    ("PDF", "Info dictionary, /AIGC"),
    ("Markdown", "YAML front matter, AIGC"),
    ("HTML", 'meta name="AIGC"'),
    ("JSON, SSE", "object AIGC; HTTP header X-AIGC-Label"),
)
"""Format, and where its metadata label stands (GB 45438-2025, Annex E; practice guides of 2025-08)."""

EN = {
    "title": "Labelling of AI-generated content: evidence",
    "lead": "What this service does to mark what it generates, under the Measures for Labeling AI-Generated Synthetic "
    "Content and GB 45438-2025, with samples made by the serving software itself.",
    "operator": "Operator",
    "credit_code": "Unified social credit code",
    "made": "Made",
    "verify": "Public check",
    "none": "none",
    "offered": "Services and models",
    "offered_columns": "Service|Scope|Models|Filing or registration",
    "model_columns": "Model|Provider code in its labels",
    "explicit": "Explicit labels",
    "explicit_columns": "Content|What people see or hear|Clause",
    "explicit_rows": "Text|A sentence with both elements near the text, all the time; in copies and files at beginning or "
    "end|5.1, 5.6\nPictures|“AI-generated” in a corner; glyphs at least 5 % of the shortest side|5.2\nSound|The rhythm "
    "short-long short-short at beginning and end|5.3\nVideo|The words on the starting frames, at least 2 s; at least 5 % "
    "of the shortest side|5.4\nDocuments|A line on the first and the last page, or in the header|5.1",
    "implicit": "Metadata labels",
    "implicit_text": "Every file holds exactly one label with the seven fields of Annex E. The producer is named by its "
    "provider code of 27 characters, whose last four name the registered model; ProduceID leads to the entry in the "
    "tamper-evident record. ReservedCode1 holds a signature (TC260-PG-202511A).",
    "implicit_columns": "Format|Place",
    "more": "Beyond the standard",
    "more_text": "Pictures and sound carry an invisible watermark with a 64-bit number that leads to their entry.\n"
    "Pictures, sound, video and PDF carry a signed Content Credential (C2PA).\n"
    "Fingerprints of what was made here are kept, so that it is found again when all marks are gone.\n"
    "Text carries no watermark.",
    "samples": "Samples",
    "samples_text": "Each lies in the folder samples; what a reader finds in it, in the folder metadata.",
    "sample_columns": "File|Marks it carries",
    "dump_text": "The metadata label of {name}, as it stands in the file:",
    "explicit_layer": "visible or audible label",
    "watermark_layer": "watermark",
    "metadata_layer": "metadata label",
    "security_layer": "signed label",
    "credential_layer": "Content Credential",
    "terms": "For the user agreement (Measures, Articles 8 to 10)",
    "terms_text": "Content generated here is marked as AI-generated, visibly and in its metadata, as described above.\n"
    "Whoever publishes such content declares it, and does not delete, alter, forge or hide its labels.\n"
    "{operator} keeps a log of everyone who receives content without explicit label, for at least six months.",
}

ZH = {
    "title": "人工智能生成合成内容标识说明材料",
    "lead": "本材料依据《人工智能生成合成内容标识办法》和 GB 45438-2025，说明本服务对其生成内容所做的标识；样例由提供服务的软件生成。",
    "operator": "服务提供者",
    "credit_code": "统一社会信用代码",
    "made": "生成时间",
    "verify": "公开核验地址",
    "none": "无",
    "offered": "服务与模型",
    "offered_columns": "服务|范围|模型|备案号或上线编号",
    "model_columns": "模型|标识中的服务提供者编码",
    "explicit": "显式标识",
    "explicit_columns": "内容|用户所见所闻|条款",
    "explicit_rows": "文本|内容附近持续显示含两项要素的提示；复制和下载的文件在首尾标注|5.1、5.6\n图片|角落标注“AI生成”；文字高度不低于最短边的5%|5.2\n"
    "音频|首尾播放“短长 短短”节奏|5.3\n视频|起始画面标注，持续不少于2秒；文字高度不低于最短边的5%|5.4\n文档|首页和末页，或页眉标注|5.1",
    "implicit": "隐式标识",
    "implicit_text": "每个文件恰有一个元数据标识，含附录E规定的七个字段。生成者以27位服务提供者编码标明，末四位指明已登记的模型；"
    "内容编号对应防篡改记录中的条目。预留字段1为签名（TC260-PG-202511A）。",
    "implicit_columns": "格式|位置",
    "more": "标准之外",
    "more_text": "图片和音频带有数字水印，其中64位编号对应记录条目。\n图片、音频、视频和PDF带有经签名的内容凭证（C2PA）。\n"
    "本服务保存生成内容的指纹，标识丢失后仍可找回。\n文本不带水印。",
    "samples": "样例",
    "samples_text": "样例在 samples 文件夹中；从中读出的内容在 metadata 文件夹中。",
    "sample_columns": "文件|所带标识",
    "dump_text": "{name} 中的元数据标识原文：",
    "explicit_layer": "显式标识",
    "watermark_layer": "数字水印",
    "metadata_layer": "元数据标识",
    "security_layer": "标识签名",
    "credential_layer": "内容凭证",
    "terms": "用户协议条款（办法第八至第十条）",
    "terms_text": "本服务生成的内容按上述方式添加显式标识和元数据标识。\n发布此类内容的用户应主动声明，不得恶意删除、篡改、伪造、隐匿标识。\n"
    "向用户提供没有显式标识的内容时，{operator}留存接收方等日志不少于六个月。",
}

WORDS = {"en": EN, "zh": ZH}
