"""Secrets out of texts and documents: passwords, keys and tokens, as FRR, VyOS, BIRD and environments write them.

Rather too much than too little: what follows a word such as `password` goes, whatever it is.
"""

from __future__ import annotations

import re
from typing import Any

MARK = "<redacted>"
_NAME = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|md5|psk|api[_-]?key|private[_-]?key|auth(?:entication)?[_-]key|key-string"
    r"|credentials?",
    re.IGNORECASE,
)
# Every pattern takes time in proportion to the text, whatever it is: words are looked at one by one, and what has an
# end is bounded.
_WORD = re.compile(r"(?<![\w-])[\w-]+['\"]?")
_TEXT = r"\"(?:[^\"\\\n]|\\.){0,500}\"|'[^'\n]{0,500}'|[^\s,;}\]]+"
_VALUE = re.compile(
    rf"(?P<before>(?:[ \t]*[:=][ \t]*|[ \t]+)(?:(?:\d|clear|md5|plaintext|encrypted)[ \t]+(?=\S))?)(?:{_TEXT})",
    re.IGNORECASE,
)
_TWO_WORDS = re.compile(
    rf"(?P<before>\b(?:authentication[ ]string|snmp(?:-server)?[ ]community)[ \t]+)(?:{_TEXT})", re.IGNORECASE
)
_URL = re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{1,100}:)[^\s/@]{1,200}(?=@)", re.IGNORECASE)
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.{0,8000}?-----END", re.DOTALL)


def text(content: str) -> str:
    """A configuration, a log or any other text."""
    content = _PRIVATE_KEY.sub(MARK, content)
    for pattern in (_URL, _TWO_WORDS):
        content = pattern.sub(rf"\g<before>{MARK}", content)
    parts, done = [], 0
    for word in _WORD.finditer(content):
        if word.start() < done or not _NAME.search(word[0]):
            continue
        value = _VALUE.match(content, word.end())
        if value:
            parts += [content[done : value.end("before")], MARK]
            done = value.end()
    return "".join((*parts, content[done:]))


def document(value: Any) -> Any:
    """A JSON document: values of secret names, and every text in it. A pair may be a name and its value."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {key: MARK if _is_secret(key, inner) else document(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and _is_secret(value[0], value[1]):
            return [value[0], MARK]
        return [document(inner) for inner in value]
    return value


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.search(name))
