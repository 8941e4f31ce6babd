"""The web site of software that is known by the URL of its client metadata document.

It is `https://localhost:PORT` with a certificate of an authority made at start. Authgent is told of both with the
settings that are meant for private networks.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST = "localhost"
VALID_FOR = datetime.timedelta(days=1)
MAX_AGE_SECONDS = 3600


class DocumentHost:
    """Serves JSON documents, and counts how often each was fetched."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.ca_file = folder / "ca.pem"
        certificate = folder / "localhost.pem"
        _make_certificates(self.ca_file, certificate)
        self._documents: dict[str, bytes] = {}
        self._fetches: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        # The handshake is left to the first read, in the connection's own thread: whoever is slow holds up nobody else.
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.origin = f"https://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> DocumentHost:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def settings(self) -> dict[str, str]:
        """What Authgent has to be told to fetch from here: a private address, a private authority."""
        return {
            "AUTHGENT_CLIENT_DOCUMENTS": "on",
            "AUTHGENT_CLIENT_DOCUMENT_PRIVATE_HOSTS": HOST,
            "AUTHGENT_CLIENT_DOCUMENT_CA_FILE": str(self.ca_file),
        }

    def url(self, path: str) -> str:
        return self.origin + path

    def publish(self, path: str, document: dict) -> str:
        """Serve `document` at `path`; returns its URL."""
        with self._lock:
            self._documents[path] = json.dumps(document).encode()
        return self.url(path)

    def publish_client(self, path: str, metadata: dict) -> str:
        """Serve the document of a client, which names itself by its URL; returns the `client_id`."""
        return self.publish(path, {"client_id": self.url(path), **metadata})

    def fetches(self, path: str) -> int:
        """How often somebody asked for `path`."""
        with self._lock:
            return self._fetches.get(path, 0)

    def _answer(self, path: str) -> bytes | None:
        with self._lock:
            self._fetches[path] = self._fetches.get(path, 0) + 1
            return self._documents.get(path)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = answer(self.path)
                if document is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(document)))
                self.send_header("Cache-Control", f"max-age={MAX_AGE_SECONDS}")
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_: object) -> None:
                """Silent: journeys count the fetches instead."""

        return Handler


def _make_certificates(ca_file: Path, certificate_file: Path) -> None:
    """Write an authority's certificate, and a certificate for `HOST` with its key in one file."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("Authgent journeys")
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = (
        _builder(_name(HOST), ca_name, key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    certificate_file.write_bytes(leaf.public_bytes(pem) + private)


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    """A key's only use."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    # From an hour ago: clocks need not agree to the second.
    begin = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )
