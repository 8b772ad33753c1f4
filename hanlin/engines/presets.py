"""Upstreams known by name, so that an operator writes `preset = "dashscope"` and not an address.

Addresses as published by each provider; a model's own options win over its preset.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Preset(Struct, frozen=True):
    base_url: str
    key_variable: str = ""
    """Environment variable that usually holds the key; empty: the upstream wants none."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """`max_tokens` is what every compatible server knows; OpenAI's reasoning models accept only the newer name."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""


PRESETS: dict[str, Preset] = {
    "ark": Preset("https://ark.cn-beijing.volces.com/api/v3", "ARK_API_KEY"),
    "bigmodel": Preset("https://open.bigmodel.cn/api/paas/v4", "ZHIPUAI_API_KEY"),
    "dashscope": Preset("https://dashscope.aliyuncs.com/compatible-mode/v1", "DASHSCOPE_API_KEY"),
    "deepseek": Preset("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "hunyuan": Preset("https://api.hunyuan.cloud.tencent.com/v1", "HUNYUAN_API_KEY"),
    "moonshot": Preset("https://api.moonshot.cn/v1", "MOONSHOT_API_KEY"),
    "ollama": Preset("http://127.0.0.1:11434/v1"),
    "openai": Preset("https://api.openai.com/v1", "OPENAI_API_KEY", "max_completion_tokens"),
    "openrouter": Preset("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "qianfan": Preset("https://qianfan.baidubce.com/v2", "QIANFAN_API_KEY"),
    "siliconflow": Preset("https://api.siliconflow.cn/v1", "SILICONFLOW_API_KEY"),
    "vllm": Preset("http://127.0.0.1:8000/v1"),
}
