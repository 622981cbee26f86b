"""Decide what Reverb's answer means, for all calls, as `shops/platforms/answers.py` does for stores.

  | outcome | answer | error |
  |---|---|---|
  | DONE | 2xx with a JSON object; after a write also an empty body | none |
  | MISSING | 404 or 410 whose JSON says that the object does not exist | NotFound |
  | KEYS | 401 or 403 in Reverb's own JSON | NeedsSeller |
  | REFUSED | 400, 406, 412 or 422 in Reverb's own JSON | Invalid |
  | LATER | all else: pages, redirects, other statuses, JSON of another shape | TransientError, after a write NoAnswer |

A status alone never decides: CDNs, firewalls and maintenance modes answer every status. Reverb's own JSON is
`{"message": "…", "errors": {field: ["…"]}}` (Reverb docs, "Error handling"; `errors` was also seen as a list). After a
write, LATER means that the outcome is unknown (`may_have_applied`): only a 429 certainly refuses a call before it is
applied.
"""

from __future__ import annotations

import re
from typing import Any

from reverbsync.http.outbound import Answer
from shops.call_outcome import CallOutcome
from shops.reverb.errors import (
    Invalid,
    NeedsSeller,
    NoAnswer,
    NotFound,
    ReverbError,
    SlowDown,
    TransientError,
    read_field_errors,
    short,
)

#: Longest Retry-After to obey: the limits cover one minute and ten minutes, so more is a mistake.
MOST_WAIT_S = 600.0
#: Proxies in front of Reverb may request an hour and recover after a minute. Their 429 still is a limit.
MOST_AWAY_S = 60.0
#: Status → outcome, if the body is Reverb's own JSON.
_OWN = {
    401: CallOutcome.KEYS,
    403: CallOutcome.KEYS,
    404: CallOutcome.MISSING,
    410: CallOutcome.MISSING,
    **dict.fromkeys((400, 406, 412, 422), CallOutcome.REFUSED),
}
#: Words that say that an object does not exist; Reverb's exact words were never recorded.
_MISSING = re.compile(r"\b(no|not|cannot|unknown|deleted|removed|missing|gone)\b|n['’]t\b", re.IGNORECASE)
#: A 404 with these words concerns the URL, not an object.
_OF_ADDRESS = re.compile(r"\b(route|path|page|url|uri|endpoint|version|method|host|server|site|message)\b", re.I)


def judge(method: str, answer: Answer) -> tuple[CallOutcome, dict[str, Any]]:
    """Return an answer's outcome and its JSON object ({} if it has none)."""
    said, empty = _object(answer)
    if 200 <= answer.status < 300:
        done = said is not None or (empty and method != "GET")
        return (CallOutcome.DONE if done else CallOutcome.LATER), said or {}
    if said is None or not _speaks(said):
        return CallOutcome.LATER, said or {}
    outcome = _OWN.get(answer.status, CallOutcome.LATER)
    if outcome == CallOutcome.MISSING and not _says_missing(said):
        return CallOutcome.LATER, said
    return outcome, said


def error_of(method: str, answer: Answer, outcome: CallOutcome, said: dict[str, Any]) -> ReverbError:
    """Return the error for an answer with this outcome; `said` is its JSON object."""
    speaks = _speaks(said)
    message = short(said.get("message") or "Reverb refused it.") if speaks else _described(answer, said)
    more: dict[str, Any] = {"status": answer.status, "field_errors": read_field_errors(said.get("errors"))}
    more |= {"said": speaks and bool(said.get("message"))}
    match outcome:
        case CallOutcome.MISSING:
            return NotFound(message, **more)
        case CallOutcome.KEYS:
            return NeedsSeller(message, **more)
        case CallOutcome.REFUSED:
            return Invalid(message, **more)
    more["retry_after"] = retry_after(answer, most_s=MOST_WAIT_S if speaks or answer.status == 429 else MOST_AWAY_S)
    if answer.status == 429:
        return SlowDown(message, **more)
    return TransientError(message, **more) if method == "GET" else NoAnswer(message, may_have_applied=True, **more)


def retry_after(answer: Answer, *, most_s: float) -> float | None:
    """Return the seconds of a Retry-After header, at most `most_s`; None if it is absent or a date."""
    value = answer.headers.get("Retry-After", "").strip()
    return min(float(value), most_s) if value.isascii() and value.isdigit() else None


def _object(answer: Answer) -> tuple[dict[str, Any] | None, bool]:
    """Return an answer's JSON object (None if it has none), and whether the body is empty."""
    try:
        said = answer.json()
    except ValueError:
        return None, False
    return (said, False) if isinstance(said, dict) else (None, not answer.text.strip())


def _speaks(said: dict[str, Any]) -> bool:
    """Return whether a JSON object is one of Reverb's own errors, or has the same content."""
    message = said.get("message")
    if message is not None and not isinstance(message, str):
        return False
    errors = said.get("errors")
    return bool((message or "").strip()) or (isinstance(errors, dict | list) and bool(read_field_errors(errors)))


def _says_missing(said: dict[str, Any]) -> bool:
    words = str(said.get("message") or "")
    return bool(_MISSING.search(words)) and not _OF_ADDRESS.search(words)


def _described(answer: Answer, said: dict[str, Any]) -> str:
    """Return a description of an answer without an error message."""
    if 300 <= answer.status < 400:
        what = "a redirect"
    elif said or answer.text.lstrip().startswith(("{", "[", '"')):
        what = "something unexpected"
    else:
        what = "a page" if answer.text.strip() else "nothing"
    return f"Reverb answered with {what} instead of data (status {answer.status})."
