"""A signature covers the whole document, as others verify it, and is refused when anything was altered."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from alertd import cap
from alertd.cap.signature import NAMESPACE, check, signed
from alertd.config import read
from alertd.errors import WrongConfiguration
from tests.unit.test_orders import order

_DS = f"{{{NAMESPACE}}}"


def pem(key, certified=None) -> str:
    """A key and a certificate, of `certified` or of itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sanjo.example.jp")])
    now = datetime(2026, 11, 23, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key((certified or key).public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return (private + made.public_bytes(Encoding.PEM)).decode()


@pytest.fixture(scope="module")
def keys() -> str:
    return pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def verified(document: bytes) -> bool:
    """What a reader does: the digest without the signature, and the signature over what names the digest."""
    root = etree.fromstring(document)
    signature = root.find(f"{_DS}Signature")
    assert signature is not None
    info = signature.find(f"{_DS}SignedInfo")
    assert info is not None
    canonical = etree.tostring(info, method="c14n", exclusive=True)
    certificate = x509.load_der_x509_certificate(
        base64.b64decode(signature.findtext(f".//{_DS}X509Certificate") or "")
    )
    value = base64.b64decode(signature.findtext(f"{_DS}SignatureValue") or "")
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(value, canonical, padding.PKCS1v15(), SHA256())
    root.remove(signature)
    digest = hashlib.sha256(etree.tostring(root, method="c14n", exclusive=True)).digest()
    return base64.b64encode(digest).decode() == info.findtext(f".//{_DS}DigestValue")


def test_a_signed_document_says_the_same_and_can_be_verified(keys: str) -> None:
    plain = order("flood-4", "RNN")
    document = signed(cap.write(plain), keys)
    assert cap.parse(document) == plain
    assert verified(document)
    assert signed(cap.write(plain), keys) == document, "the same document, the same bytes"
    assert not verified(document.replace("嵐南".encode(), "嵐北".encode()))


@pytest.mark.skipif(
    shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed: apt-get install xmlsec1"
)
def test_xmlsec_verifies_it(keys: str, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text(keys[keys.index("-----BEGIN CERTIFICATE") :])
    for name, content, good in (
        ("good", signed(cap.write(order("flood-4", "RNN")), keys), True),
        ("bad", signed(cap.write(order("flood-4", "RNN")), keys).replace(b"Severe", b"Minor"), False),
    ):
        (tmp_path / name).write_bytes(content)
        command = ["xmlsec1", "--verify", "--trusted-pem", "cert.pem", "--verification-gmt-time"]
        command += ["2026-11-24 00:00:00", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert (done.returncode == 0) is good, done.stderr


def test_a_key_that_cannot_sign_is_refused_when_the_configuration_is_read(tmp_path: Path) -> None:
    one, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    for content, said in (
        ("no key", "private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "RSA"),
        (pem(one, other), "another key"),
    ):
        with pytest.raises(ValueError, match=said):
            check(content)
        (tmp_path / "key.pem").write_text(content)
        with pytest.raises(WrongConfiguration, match=said):
            read({"web": {"signing_key_file": "key.pem"}}, folder=tmp_path)
