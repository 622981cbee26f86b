"""A store's description → the HTML that Reverb keeps. Pure."""

from __future__ import annotations

import re

import nh3

#: The tags that Reverb keeps in a description (Reverb's Magento plugin).
KEPT_TAGS = {"ul", "ol", "li", "strong", "b", "em", "i", "u", "div", "p", "br"}

#: Blocks whose tags Reverb drops: their text stands on a line of its own.
_BLOCKS = (
    "address|article|aside|blockquote|body|caption|center|dd|details|dl|dt|fieldset|figcaption|figure|footer|form"
    "|h[1-6]|header|hr|legend|main|menu|nav|pre|section|summary|table|tbody|tfoot|thead|tr"
)
#: Parts of a line whose tags Reverb drops: a space keeps their words apart.
_CELLS = "button|label|option|td|th"
_ATTRIBUTES = r"""(?=[\s/>])(?:"[^"]*"|'[^']*'|[^'"<>])*>"""
_BLOCK = re.compile(rf"</?(?:{_BLOCKS}){_ATTRIBUTES}", re.IGNORECASE)
_CELL = re.compile(rf"</?(?:{_CELLS}){_ATTRIBUTES}", re.IGNORECASE)
#: Stands for a break until it is known which breaks are needed; a store's text never holds this character.
_MARK = "\ue000"
_MARKS = re.compile(rf"\s*(?:{_MARK}\s*)+")
#: A break beside the edge of a kept block, another break, or the end would be one too many.
_NEEDLESS = re.compile(rf"(</?(?:ul|ol|li|div|p|br)>)\s*{_MARK}|{_MARK}(?=\s*</?(?:ul|ol|li|div|p|br)>)")


def clean_description(html: str) -> str:
    """Return the description with the tags that Reverb keeps, and a line break for each block whose tag goes.

    Text of all other tags stays; scripts, styles and comments go with what they hold.
    """
    marked = _CELL.sub(" ", _BLOCK.sub(_MARK, html.replace(_MARK, "")))
    cleaned = nh3.clean(marked, tags=KEPT_TAGS, attributes={}, link_rel=None)
    cleaned = _MARKS.sub(_MARK, cleaned)
    before = ""
    while before != cleaned:
        before, cleaned = cleaned, _NEEDLESS.sub(r"\1", cleaned)
    return cleaned.strip(f"{_MARK} \t\r\n").replace(_MARK, "<br>")
