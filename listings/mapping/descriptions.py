"""Convert a store's description to the HTML that Reverb keeps. Pure."""

from __future__ import annotations

import re

import nh3

#: The tags that Reverb keeps in a description (Reverb's Magento plugin).
KEPT_TAGS = {"ul", "ol", "li", "strong", "b", "em", "i", "u", "div", "p", "br"}

#: Blocks whose tags Reverb drops: their text gets its own line.
_BLOCKS = (
    "address|article|aside|blockquote|body|caption|center|dd|details|dl|dt|fieldset|figcaption|figure|footer|form"
    "|h[1-6]|header|hr|legend|main|menu|nav|pre|section|summary|table|tbody|tfoot|thead|tr"
)
#: Inline elements whose tags Reverb drops: a space keeps their words apart.
_CELLS = "button|label|option|td|th"
_ATTRIBUTES = r"""(?=[\s/>])(?:"[^"]*"|'[^']*'|[^'"<>])*>"""
_BLOCK = re.compile(rf"</?(?:{_BLOCKS}){_ATTRIBUTES}", re.IGNORECASE)
_CELL = re.compile(rf"</?(?:{_CELLS}){_ATTRIBUTES}", re.IGNORECASE)
#: Marks a break until it is known which breaks are needed; removed from a store's text first.
_MARK = "\ue000"
_MARKS = re.compile(rf"\s*(?:{_MARK}\s*)+")
#: A break next to the edge of a kept block or another break is redundant.
_NEEDLESS = re.compile(rf"(</?(?:ul|ol|li|div|p|br)>)\s*{_MARK}|{_MARK}(?=\s*</?(?:ul|ol|li|div|p|br)>)")


def clean_description(html: str) -> str:
    """Return the description with the tags that Reverb keeps, and a line break for each block whose tag is dropped.

    The text of all other tags stays; scripts, styles and comments are removed with their content.
    """
    marked = _CELL.sub(" ", _BLOCK.sub(_MARK, html.replace(_MARK, "")))
    cleaned = nh3.clean(marked, tags=KEPT_TAGS, attributes={}, link_rel=None)
    cleaned = _MARKS.sub(_MARK, cleaned)
    before = ""
    while before != cleaned:
        before, cleaned = cleaned, _NEEDLESS.sub(r"\1", cleaned)
    return cleaned.strip(f"{_MARK} \t\r\n").replace(_MARK, "<br>")
