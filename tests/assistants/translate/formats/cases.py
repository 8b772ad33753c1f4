"""A file of each kind of text, and the same with accents on what people read."""

CASES = {
    "page.html": (
        (
            "<!doctype html><title>My page</title><style>p{a:b}</style><script>var a='text';</script>"
            '<p title=\'A tip\'>Hello <b>bold &amp; big</b> <a href="u" title="go">link <i>it</i></a>.<'
            "br>Next &nbsp;line</p><img alt='a cat' src=cat><pre>keep this</pre><p translate=no>Brand"
            " <b>one</b></p><td>cell<td>odd </i> one <code>x()</code>"
        ),
        (
            "<!doctype html><title>My págé</title><style>p{a:b}</style><script>var a='text';</script>"
            '<p title=\'Á típ\'>Hélló <b>bóld &amp; bíg</b> <a href="u" title="gó">línk <i>ít</i></a>.<'
            "br>Néxt &nbsp;líné</p><img alt='á cát' src=cat><pre>keep this</pre><p translate=no>Brand"
            " <b>one</b></p><td>céll<td>ódd </i> óné <code>x()</code>"
        ),
    ),
    "text.md": (
        (
            "---\n"
            "title: keep\n"
            "---\n"
            "# Hello *world*\n"
            "\n"
            'This is **bold** with a [link](http://a.b/c "t") and `code`\n'
            "going on.\n"
            "\n"
            "- item ![alt](a.png)\n"
            "\n"
            "> quoted\n"
            "> on\n"
            "\n"
            "```py\n"
            "print('keep')\n"
            "```\n"
            "\n"
            "| Name | Red \\| green |\n"
            "|---|---|\n"
            "| a | b |\n"
            "\n"
            "[ref]: http://a.b\n"
            "\n"
            "    indented code\n"
            "\n"
            "1. number\n"
            "   goes on\n"
            "\n"
            "snake_case_name and 2 * 3.\\\n"
            "Break[^1] <b>html</b>\n"
        ),
        (
            "---\n"
            "title: keep\n"
            "---\n"
            "# Hélló *wórld*\n"
            "\n"
            'Thís ís **bóld** wíth á [línk](http://a.b/c "t") ánd `code` góíng ón.\n'
            "\n"
            "- ítém ![ált](a.png)\n"
            "\n"
            "> qúótéd ón\n"
            "\n"
            "```py\n"
            "print('keep')\n"
            "```\n"
            "\n"
            "| Námé | Réd \\| gréén |\n"
            "|---|---|\n"
            "| á | b |\n"
            "\n"
            "[ref]: http://a.b\n"
            "\n"
            "    indented code\n"
            "\n"
            "1. númbér góés ón\n"
            "\n"
            "snáké_cásé_námé ánd 2 * 3.\\\n"
            "Bréák[^1] <b>html</b>\n"
        ),
    ),
    "talk.srt": (
        (
            "1\r\n"
            "00:00:01,000 --> 00:00:02,500\r\n"
            "<i>Hello there,</i>\r\n"
            "old friend.\r\n"
            "\r\n"
            "2\r\n"
            "00:00:03,000 --> 00:00:04,000\r\n"
            "{\\an8}Second\r\n"
        ),
        (
            "1\r\n"
            "00:00:01,000 --> 00:00:02,500\r\n"
            "<i>Hélló théré,</i> óld fríénd.\r\n"
            "\r\n"
            "2\r\n"
            "00:00:03,000 --> 00:00:04,000\r\n"
            "{\\an8}Sécónd\r\n"
        ),
    ),
    "talk.vtt": (
        (
            "WEBVTT\n"
            "\n"
            "NOTE keep this\n"
            "\n"
            "STYLE\n"
            "::cue{}\n"
            "\n"
            "intro\n"
            "00:01.000 --> 00:02.000 align:start\n"
            "<v Ann>Hello <b>you</b>\n"
            "\n"
            "00:03.000 --> 00:04.000\n"
            "<v Bob>Bye &amp; <00:03.500>good luck\n"
        ),
        (
            "WEBVTT\n"
            "\n"
            "NOTE keep this\n"
            "\n"
            "STYLE\n"
            "::cue{}\n"
            "\n"
            "intro\n"
            "00:01.000 --> 00:02.000 align:start\n"
            "<v Ann>Hélló <b>yóú</b>\n"
            "\n"
            "00:03.000 --> 00:04.000\n"
            "<v Bob>Byé &amp; <00:03.500>góód lúck\n"
        ),
    ),
    "note.txt": (
        (
            "Title\r\n"
            "\r\n"
            "This long line of hard wrapped text goes on and on, and then\r\n"
            "on in the next line.\r\n"
            " - item a\r\n"
            "12345\r\n"
        ),
        (
            "Títlé\r\n"
            "\r\n"
            "Thís lóng líné óf hárd wráppéd téxt góés ón ánd ón, ánd thén ón ín thé néxt líné.\r\n"
            " - ítém á\r\n"
            "12345\r\n"
        ),
    ),
}
