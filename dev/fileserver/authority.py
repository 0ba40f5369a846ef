"""The CA of the file server, kept in the user's cache: clusters and runs come and go, what they trust stays."""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devcluster import locks, paths

FILE = paths.CACHE / "fileserver" / "ca.pem"
CA_DAYS = 3650
LEAF_DAYS = 90
# A CA that ends sooner is made anew; the next deploy tells the operator.
RENEW_BEFORE = timedelta(days=LEAF_DAYS)
_PEM = serialization.Encoding.PEM


def certificate() -> str:
    """The CA's certificate in PEM; a CA is made where there is none."""
    return Authority.kept().certificate.public_bytes(_PEM).decode()


@dataclass(frozen=True)
class Authority:
    """A CA: its key and its certificate."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def kept(cls, file: Path | None = None) -> Self:
        """The CA in `file` (default: the one in the user's cache), made anew if it is absent or ends soon."""
        file = file or FILE
        with locks.held(file.with_suffix(".lock")):
            if file.exists():
                authority = cls._read(file)
                if authority.certificate.not_valid_after_utc - datetime.now(UTC) > RENEW_BEFORE:
                    return authority
            authority = cls._made()
            _write_private(file, authority._pem())
            return authority

    def leaf(self, addresses: Sequence[str]) -> bytes:
        """PEM of a new key and a certificate for a server at these IP addresses and DNS names."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_alternative_name(address) for address in addresses])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = _builder(addresses[0], self.certificate.subject, key.public_key(), days=LEAF_DAYS)
        for extension in (names, issuer, usage):
            builder = builder.add_extension(extension, critical=False)
        return _key_pem(key) + builder.sign(self.key, hashes.SHA256()).public_bytes(_PEM)

    @classmethod
    def _made(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        name = "mlrun-operator development file server CA"
        builder = _builder(name, _name(name), key.public_key(), days=CA_DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_only_signing_certificates(), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def _read(cls, file: Path) -> Self:
        pem = file.read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(key, x509.load_pem_x509_certificate(pem))

    def _pem(self) -> bytes:
        return _key_pem(self.key) + self.certificate.public_bytes(_PEM)


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, never half of it."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    unfinished.replace(file)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _only_signing_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        key_cert_sign=True,
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
