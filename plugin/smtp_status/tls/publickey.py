"""A public key in words: its algorithm and size (RFC 5280 section 4.1.2.7)."""

from __future__ import annotations

from .der import CertificateFault, Element, dotted, expect, only, sequence

_INTEGER = 0x02
_BIT_STRING = 0x03
_OID = 0x06

_RSA = bytes.fromhex("2a864886f70d010101")
_RSA_PSS = bytes.fromhex("2a864886f70d01010a")
_EC = bytes.fromhex("2a8648ce3d0201")
_KEYS = {
    _RSA: "RSA",
    _RSA_PSS: "RSA-PSS",
    _EC: "EC",
    bytes.fromhex("2a8648ce380401"): "DSA",
    bytes.fromhex("2b6570"): "Ed25519",
    bytes.fromhex("2b6571"): "Ed448",
    bytes.fromhex("608648016503040311"): "ML-DSA-44",
    bytes.fromhex("608648016503040312"): "ML-DSA-65",
    bytes.fromhex("608648016503040313"): "ML-DSA-87",
}
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "P-256",
    bytes.fromhex("2b81040022"): "P-384",
    bytes.fromhex("2b81040023"): "P-521",
    bytes.fromhex("2b8104000a"): "secp256k1",
    bytes.fromhex("2b2403030208010107"): "brainpoolP256r1",
    bytes.fromhex("2b240303020801010b"): "brainpoolP384r1",
    bytes.fromhex("2b240303020801010d"): "brainpoolP512r1",
}


def key_words(public_key: Element) -> str:
    """Algorithm and size of a SubjectPublicKeyInfo; what is not understood of it is left out."""
    algorithm, bits = sequence(public_key, 2, 2)
    oid, *parameters = sequence(algorithm, 1, 2)
    kind = expect(oid, _OID).contents
    name = _KEYS.get(kind) or dotted(kind)
    detail = ""
    if kind == _EC and parameters:
        detail = _CURVES.get(parameters[0].contents, "")
    elif kind in (_RSA, _RSA_PSS):
        detail = _rsa_bits(expect(bits, _BIT_STRING).contents)
    return f"{name} {detail}" if detail else name


def _rsa_bits(key: bytes) -> str:
    """Bits of the modulus in an RSAPublicKey (RFC 8017 appendix A.1.1) behind the octet of unused bits."""
    try:
        modulus, _exponent = sequence(only(key[1:]), 2, 2)
    except CertificateFault:
        return ""  # a key nobody can use is the TLS library's to refuse
    digits = expect(modulus, _INTEGER).contents.lstrip(b"\0")
    return str(len(digits) * 8 - 8 + digits[0].bit_length()) if digits else ""
