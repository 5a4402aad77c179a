"""Makes what an honest signer never makes: weak keys, weak signatures, foreign certificates."""

import datetime
import hashlib
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

# The order of Ed25519's main subgroup (RFC 8032, section 5.1).
ORDER = 2**252 + 27742317777372353535851937790883648493
# The neutral point, (0, 1): the simplest point of small order.
NEUTRAL = (1).to_bytes(32, "little")


def neutral_signature(seed, public, message):
    """A signature whose R is the neutral point: a lax verifier accepts it."""
    scalar = bytearray(hashlib.sha512(seed).digest()[:32])
    scalar[0] &= 248
    scalar[31] = (scalar[31] & 127) | 64
    challenge = hashlib.sha512(NEUTRAL + public + message).digest()
    s = int.from_bytes(challenge, "little") * int.from_bytes(scalar, "little") % ORDER
    return NEUTRAL + s.to_bytes(32, "little")


def certificate(home, uri):
    """A client certificate for any SPIFFE id, signed by the development authority of this state."""
    authority = pathlib.Path(home) / "authority"
    issuer = x509.load_pem_x509_certificate((authority / "ca.pem").read_bytes())
    secret = (authority / "ca.key").read_bytes()
    issuer_key = serialization.load_pem_private_key(secret, password=None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    signed_with = None if type(issuer_key).__name__.startswith("Ed25519") else hashes.SHA256()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(issuer_key, signed_with)
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made.public_bytes(serialization.Encoding.PEM), pem
