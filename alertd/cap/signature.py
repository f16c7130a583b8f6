"""The XML signature of a published document: enveloped, RSA with SHA-256, so that readers can trust a copy of it.

Sources: W3C XML Signature 1.1 (4.4, 6.6.4); Exclusive XML Canonicalization 1.0; CAP 1.2, 3.3.4.1.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from lxml import etree

NAMESPACE = "http://www.w3.org/2000/09/xmldsig#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_ENVELOPED = f"{NAMESPACE}enveloped-signature"


def signed(document: bytes, pem: str) -> bytes:
    """The document with its signature at its end; the same document gives the same bytes.

    `pem` holds the private key and its certificate. Raises ValueError as `check` does.
    """
    key, certificate = _read(pem)
    root = etree.fromstring(document)
    digest = hashlib.sha256(_canonical(root)).digest()
    signature = etree.SubElement(root, f"{{{NAMESPACE}}}Signature", nsmap={None: NAMESPACE})
    info = _add(signature, "SignedInfo")
    _add(info, "CanonicalizationMethod", Algorithm=_EXCLUSIVE)
    _add(info, "SignatureMethod", Algorithm=_RSA_SHA256)
    reference = _add(info, "Reference", URI="")
    transforms = _add(reference, "Transforms")
    _add(transforms, "Transform", Algorithm=_ENVELOPED)
    _add(transforms, "Transform", Algorithm=_EXCLUSIVE)
    _add(reference, "DigestMethod", Algorithm=_SHA256)
    _add(reference, "DigestValue").text = _text(digest)
    value = key.sign(_canonical(info), padding.PKCS1v15(), SHA256())
    _add(signature, "SignatureValue").text = _text(value)
    data = _add(_add(signature, "KeyInfo"), "X509Data")
    _add(data, "X509Certificate").text = _text(certificate.public_bytes(Encoding.DER))
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def check(pem: str) -> None:
    """Raises ValueError unless an RSA key and the certificate of that key are there."""
    _read(pem)


@lru_cache(maxsize=2)
def _read(pem: str) -> tuple[RSAPrivateKey, x509.Certificate]:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, TypeError):
        raise ValueError(
            "must hold a private key and its certificate, in PEM and without a password"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("must hold an RSA key")
    if key.public_key() != certificate.public_key():
        raise ValueError("holds a certificate of another key")
    return key, certificate


def _canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
