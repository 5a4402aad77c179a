"""Builds signed statements from the documented formats alone: a second implementation of the bytes."""

import json
import os

import cbor2
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CAPTURE = "application/vnd.quayside.capture+cbor"
GOVERNANCE = "application/vnd.quayside.governance+cbor"


def encode(value):
    """Deterministic CBOR (RFC 8949, section 4.2.1)."""
    return cbor2.dumps(value, canonical=True)


def context(name):
    return f"quayside 2026-11 {name}"


def digest(name, data):
    """H(c, x) over bytes that are CBOR already."""
    return blake3(data, derive_key_context=context(name)).digest()


def mac(name, key, data):
    """M(c, k, x) over bytes that are CBOR already."""
    return blake3(data, key=digest(name, key)).digest()


def compact(value):
    """Canonical JSON of a value without numbers: sorted keys, no white space, shortest escapes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def commitment(consortium, issuer, seed, event):
    """The commitment of an event: every field hidden under a salt of its own."""
    hidden = []
    for name in sorted(event):
        salt = mac("salt v1", seed, encode(name))
        hidden.append([name, mac("value v1", salt, encode(compact(event[name])))])
    return digest("event v1", encode([1, consortium, issuer, hidden]))


def open_tag(item):
    return mac("tag v1", bytes(32), encode(item))[:16]


def tree_root(leaves):
    """The capture tree: the shape of RFC 9162, in BLAKE3."""
    if len(leaves) == 1:
        return digest("capture leaf v1", leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return digest("capture node v1", tree_root(leaves[:split]) + tree_root(leaves[split:]))


def public_bytes(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def member_key(home, member):
    """The statement key of a member, as `quayside admin init` wrote it: hex text."""
    path = os.path.join(home, "members", member, "statement.key")
    with open(path, encoding="ascii") as file:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(file.read().strip()))


class Draft:
    """One capture on its way, every part of which a test may spoil before it is sent."""

    def __init__(self, home, issuer, events, last_height, consortium="demo"):
        self.consortium, self.issuer = consortium, issuer
        self.key = member_key(home, issuer)
        self.public = public_bytes(self.key)
        self.request_id = os.urandom(16)
        self.last_height = last_height
        self.content_type = CAPTURE
        self.leaves, self.bodies = [], []
        for event, items in events:
            seed = os.urandom(32)
            body = encode([1, seed, compact(event)])
            tags = [[tag, b""] for tag in sorted(open_tag(item) for item in items)]
            bound = commitment(consortium, issuer, seed, event)
            self.leaves.append(encode([1, bound, digest("body v1", body), tags]))
            self.bodies.append(body)

    def act(self, name, arguments):
        """Makes this a governance act instead of a capture."""
        self.content_type = GOVERNANCE
        self.leaves, self.bodies = [], []
        payload = encode([1, name, arguments, self.request_id, self.last_height])
        self.payload, self.subject = lambda: payload, lambda: digest("governance v1", payload)

    def subject(self):
        return tree_root(self.leaves)

    def payload(self):
        root = tree_root(self.leaves)
        return encode([1, root, len(self.leaves), self.request_id, self.last_height])

    def parts(self):
        """Returns protected header, payload and signature."""
        payload = self.payload()
        claims = {1: f"quayside:{self.consortium}/member/{self.issuer}"}
        claims[2] = self.subject().hex()
        kid = blake3(self.public).digest()[:16]
        protected = encode({1: -8, 3: self.content_type, 4: kid, 15: claims})
        signed = encode(["Signature1", protected, b"", payload])
        return protected, payload, self.key.sign(signed)

    def statement(self):
        """COSE_Sign1 with tag 18 and an empty unprotected header."""
        protected, payload, signature = self.parts()
        return encode(cbor2.CBORTag(18, [protected, {}, payload, signature]))


class Entry:
    """One reader entry, every part of which a test may spoil before it is sent."""

    def __init__(self, home, sealer, reader, commitment=bytes(32)):
        self.key = member_key(home, sealer)
        self.facts = [1, "demo", commitment, bytes(32), 0, sealer, reader, bytes(16), b"handle"]
        self.mac, self.wrapped = bytes(32), bytes(48)

    def encoded(self):
        signed = encode(["reader entry v1", encode(self.facts), self.mac, self.wrapped])
        return encode([*self.facts, self.mac, self.wrapped, self.key.sign(signed)])
