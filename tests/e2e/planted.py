"""Secrets to plant in requests, and to look for afterwards in every spelling that a service may give them."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote, quote_plus

SECRETS = {
    "bearer": 'b3arer+tok/en"=one==',
    "basic": "pa55 wörd/für+ada",
    "cookie": "c00kie+value/of%ada",
    "key": "k3y/of=the+api&more",
    "parameter": "acc3ss token+/&=two",
    "password": 'hunt3r "zwölf" \\ / + &',
}


def spellings(secret: str) -> set[bytes]:
    """A secret as it is and within JSON, also JSON within JSON; each for a URL, too; and all of these in base64."""
    texts = {secret}
    for _ in range(3):
        texts |= {json.dumps(text, ensure_ascii=ascii_only)[1:-1] for text in texts for ascii_only in (True, False)}
    found = {secret.encode("latin-1", "ignore"), secret.encode().hex().encode()}
    texts |= {quoted for text in texts for quoted in (quote(text), quote(text, safe=""), quote_plus(text))}
    for raw in (text.encode() for text in texts):
        found.add(raw)
        for offset in range(3):
            # Without the characters that share bits with what stands before and behind.
            code = base64.b64encode(b"-" * offset + raw)[(0, 2, 3)[offset] : (offset + len(raw)) // 3 * 4]
            found |= {code, code.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


PIECES = {spelling: name for name, secret in SECRETS.items() for spelling in spellings(secret)}
"""Every spelling of every secret, with the secret's name."""


def leaks(places: Mapping[str, bytes], pieces: Mapping[bytes, str] = PIECES) -> list[str]:
    """Each secret that stands somewhere, with what is around it."""
    found = []
    for place, content in places.items():
        for piece, name in pieces.items():
            at = content.find(piece)
            if at >= 0:
                found.append(f"{place}: {name}: {content[max(0, at - 80) : at + 80]!r}")
    return found
