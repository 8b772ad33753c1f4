"""A browser in three words, so that people recognise their own in a list."""

from __future__ import annotations

# The first word found wins: most browsers also name those they descend from.
BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def device(user_agent: str) -> str:
    """`Firefox · Linux`; "" when the header names nothing known."""
    found = (next((name for word, name in table if word in user_agent), "") for table in (BROWSERS, SYSTEMS))
    return " · ".join(filter(None, found))
