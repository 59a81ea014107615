"""Whom our HTTPS clients trust."""

import ssl
from pathlib import Path

import pytest

from ops.base.trust import authorities


def test_names_are_checked_and_the_environment_has_no_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = tmp_path / "nobody.pem"
    nobody.write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(nobody))
    authorities.cache_clear()
    trust = authorities()
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname
    assert trust.cert_store_stats()["x509_ca"] > 50
    assert authorities() is trust
