"""TLS on loopback with a certificate that nobody else signed: who trusts it reads, others are told."""

import shutil
import ssl
import subprocess
import urllib.request

import pytest

from mvmono3d.deploy.client import connect
from mvmono3d.deploy.client.commands import recalibrate
from mvmono3d.deploy.server.settings import ServerSettings
from mvmono3d.errors import ConfigurationError, StreamError
from tests.deploy.server.streams import CONTROL, random_frame, stream

READ = "a token for reading, in tests"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return certificate and key for 127.0.0.1."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "rig.pem", folder / "rig.key"
    command = [
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-days", "2", "-subj", "/CN=rig", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
        "-out", certificate,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return certificate, key


def _tls(files):
    return {"certificate": files[0], "key": files[1], "read_token": READ}


def test_who_trusts_the_certificate_reads_and_gives_orders(files):
    with stream(**_tls(files)) as (publisher, server, _):
        publisher.publish(random_frame(0))
        url = f"wss://127.0.0.1:{server.port}"
        with connect(url, certificate=files[0], read_token=READ, control_token=CONTROL) as poses:
            pose = poses.receive(20)
            assert pose is not None
            assert pose.seq == 0
            poses.command(recalibrate())
        assert len(publisher.commands()) == 1
        with pytest.raises(StreamError, match="401"):
            connect(url, certificate=files[0], patience_s=5)


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(files):
    with (
        stream(**_tls(files)) as (_, server, _),
        pytest.raises(StreamError, match=r"not trusted .*--certificate"),
    ):
        connect(f"wss://127.0.0.1:{server.port}", read_token=READ, patience_s=600)


def test_without_tls_nothing_is_said(files):
    with stream(**_tls(files)) as (_, server, _), pytest.raises(StreamError, match="no stream at"):
        connect(f"ws://127.0.0.1:{server.port}", read_token=READ, patience_s=0.2)


def test_health_is_told_over_tls(files):
    with stream(**_tls(files)) as (publisher, server, _):
        publisher.publish(random_frame(0))
        request = urllib.request.Request(
            f"https://127.0.0.1:{server.port}/health", headers={"Authorization": f"Bearer {READ}"}
        )
        context = ssl.create_default_context(cafile=str(files[0]))
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:
            assert answer.status == 200


def test_a_key_of_another_certificate_is_refused(files, tmp_path):
    other = tmp_path / "other.key"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other]
    subprocess.run(command, check=True, timeout=60)
    settings = ServerSettings(certificate=files[0], key=other, read_token=READ)
    with pytest.raises(ConfigurationError, match=r"other\.key"):
        _ = settings.tls


def test_a_certificate_that_is_no_use_is_a_mistake_that_is_named(files):
    with pytest.raises(StreamError, match="expected wss://"):
        connect("ws://127.0.0.1:1", certificate=files[0])
    with pytest.raises(StreamError, match=r"rig\.key"):
        connect("wss://127.0.0.1:1", certificate=files[1])
