"""Certificate authorities that live for one test, and what they sign."""

import datetime
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """``file`` is its certificate; ``issue`` signs others."""

    def __init__(self, folder, name="authority"):
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self._subject = _name(name)
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._sign(self._subject, self._key.public_key(), [constraints])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, name="127.0.0.1", expired=False, password=None):
        """Files of a certificate for the host ``name`` and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            host = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            host = x509.DNSName(name)
        extensions = [
            x509.BasicConstraints(ca=False, path_length=None),
            x509.SubjectAlternativeName([host]),
        ]
        certificate = self._sign(_name(name), key.public_key(), extensions, expired)
        encryption = BestAvailableEncryption(password) if password else NoEncryption()
        files = [self._folder / f"{id(key)}.{kind}.pem" for kind in ("certificate", "key")]
        files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        return files

    def serving(self, name="127.0.0.1", expired=False, clients=None, versions=None):
        """A server's context; ``clients`` is the authority whose clients alone may come."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, expired))
        if clients is not None:
            context.load_verify_locations(clients.file)
            context.verify_mode = ssl.CERT_REQUIRED
        if versions is not None:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version, context.maximum_version = versions
        return context

    def _sign(self, subject, public_key, extensions, expired=False):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 10 * DAY)
            .not_valid_after(now + (-5 * DAY if expired else DAY))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self._key, hashes.SHA256())
