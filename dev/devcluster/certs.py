"""The cluster's certificates: one CA, and what each component shows to the others. New with each cluster."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devcluster import paths

VALID_DAYS = 365


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs the certificates of one cluster and keeps them in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _name("mlrun-dev-ca")
        builder = _builder(self._subject, self._subject, self._key.public_key())
        certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.pair = self._write("ca", certificate.sign(self._key, hashes.SHA256()), self._key)

    def issue(self, name: str, common_name: str, organization: str = "", addresses: Sequence[str] = ()) -> Pair:
        """Return a certificate for a client, and for a server too where it has addresses (IPs or DNS names)."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, *([ExtendedKeyUsageOID.SERVER_AUTH] if addresses else [])]
        builder = _builder(_name(common_name, organization), self._subject, key.public_key())
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if addresses:
            names = [_alternative_name(address) for address in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return self._write(name, builder.sign(self._key, hashes.SHA256()), key)

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        write_private_key(pair.key, key)
        return pair


@dataclass(frozen=True)
class Certificates:
    """Everything that the components are started with."""

    ca: Pair
    api_server: Pair
    kubelet_client: Pair
    admin: Pair
    controller_manager: Pair
    scheduler: Pair
    kubelet: Pair
    kube_proxy: Pair
    coredns: Pair
    service_account_key: Path
    service_account_public_key: Path


def generate() -> Certificates:
    """Write a new set of certificates to `paths.PKI`. The subjects are those that Kubernetes' default roles name."""
    authority = Authority(paths.PKI)
    private, public = _service_account_keys()
    service = "kubernetes.default.svc"
    names = [paths.BRIDGE_IP, paths.API_SERVICE_IP, "127.0.0.1", "localhost", "kubernetes", "kubernetes.default"]
    names += [service, f"{service}.cluster.local"]
    return Certificates(
        ca=authority.pair,
        api_server=authority.issue("apiserver", "kube-apiserver", addresses=names),
        kubelet_client=authority.issue("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
        admin=authority.issue("admin", "mlrun-dev-admin", "system:masters"),
        controller_manager=authority.issue("controller-manager", "system:kube-controller-manager"),
        scheduler=authority.issue("scheduler", "system:kube-scheduler"),
        kubelet=authority.issue("kubelet", f"system:node:{paths.NAME}", "system:nodes", [paths.BRIDGE_IP]),
        kube_proxy=authority.issue("kube-proxy", "system:kube-proxy"),
        coredns=authority.issue("coredns", "mlrun-dev-coredns", "system:masters"),
        service_account_key=private,
        service_account_public_key=public,
    )


def write_private_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Write a key that only its owner can read."""
    path.touch(mode=0o600)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))


def _service_account_keys() -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = paths.PKI / "service-account.key", paths.PKI / "service-account.pub"
    write_private_key(private, key)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
    return private, public


def _name(common_name: str, organization: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(attributes)


def _alternative_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
    )
