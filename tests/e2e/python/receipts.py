"""Verifies the receipts in bundles by `scitt-cose`, which we did not write.

Usage: receipts.py MEMBERS-FILE BUNDLE...
Prints one JSON document: how many receipts verified, and that a changed one does not.
"""

import json
import pathlib
import sys

import cbor2
import scitt_cose
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def pem(raw):
    key = Ed25519PublicKey.from_public_bytes(raw)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def keys(members, name):
    """Maps key ids to PEM keys: the pinned members are all that is trusted."""
    raw = [bytes.fromhex(member[name]) for member in members["members"]]
    return {blake3(key).digest()[:16]: pem(key) for key in raw}


def kid(message):
    protected = cbor2.loads(cbor2.loads(message).value[0])
    return bytes(protected[4])


def main(members_file, *bundles):
    members = json.loads(pathlib.Path(members_file).read_text())
    receipt_keys, statement_keys = keys(members, "receipt_key"), keys(members, "statement_key")
    faults, forged, issuers = [], 0, set()
    for path in bundles:
        bundle = cbor2.loads(pathlib.Path(path).read_bytes())
        statement, receipt = bundle[1], bundle[2]
        parsed = scitt_cose.parse_signed_statement(
            statement, public_key_pem=statement_keys[kid(statement)]
        )
        log_key = receipt_keys[kid(receipt)]
        checked = scitt_cose.verify_receipt(
            receipt, leaf_entry_hex=statement.hex(), log_public_key_pem=log_key
        )
        if not parsed["signature_verified"]:
            faults.append(f"{path}: the statement's signature")
        if not checked.ok or not checked.issuer or not checked.subject:
            faults.append(f"{path}: {checked.errors} issuer {checked.issuer}")
        issuers.add(parsed["issuer"])
        other = bytes([*statement[:-1], statement[-1] ^ 1])
        wrong = scitt_cose.verify_receipt(
            receipt, leaf_entry_hex=other.hex(), log_public_key_pem=log_key
        )
        forged += wrong.ok
    report = {"verified": len(bundles) - len(faults), "faults": faults, "forged": forged}
    print(json.dumps({**report, "issuers": sorted(issuers)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
