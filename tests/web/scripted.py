"""A model for the pages of documents: it answers from the sentences it is shown, by number."""

from __future__ import annotations

import json
import re

from hanlin.service import Request

TEXT = (
    "The project costs 1.2 million yuan, and two thirds of it are paid by the city.\n\n"
    "Work begins on 1 March and ends on 30 November.\n\n"
    "Ms Chen leads it; her deputy is Mr Okafor."
)


def says(request: Request) -> str:
    """An answer that rests on the sentence with most words of the question; else some plain sentences."""
    shape = request.chat.response_format
    shown = "\n".join(message.text() for message in request.chat.messages if message.role == "tool")
    asked = request.chat.messages[-1].text()
    if shape is None or shape.json_schema is None:
        return "- The project costs **1.2 million yuan**.\n- Work begins on *1 March*."
    properties = shape.json_schema.schema.get("properties", {})
    assert isinstance(properties, dict)
    if "stated" in properties:
        return json.dumps({"stated": "yes"})
    numbered = re.findall(r"^\[(\d+)\] (.*)$", shown, re.MULTILINE)
    words = [word for word in re.findall(r"\w{4,}|[\u4e00-\u9fff]{2}", asked.lower()) if word != "what"]
    fitting = [(sum(word in sentence.lower() for word in words), number, sentence) for number, sentence in numbered]
    best = max(fitting, default=(0, "", ""), key=lambda one: one[0])
    if best[0]:
        return json.dumps({"sentences": [int(best[1])], "answered": True, "answer": f"{best[2]} [{best[1]}]"})
    return json.dumps({"sentences": [], "answered": False, "answer": ""})
