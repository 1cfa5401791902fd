"""Token files: whole or not there, and one for all who ask at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mvmono3d.deploy.server.access import ensure_token, read_token
from mvmono3d.errors import InvalidFileError


def test_all_who_ask_at_once_get_one_token(tmp_path: Path):
    path = tmp_path / "config" / "token"
    with ThreadPoolExecutor(16) as pool:
        tokens = set(pool.map(ensure_token, [path] * 16))
    assert tokens == {read_token(path)}
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0


def test_nobody_finds_a_file_without_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "token"
    monkeypatch.setattr("os.fsync", lambda _: pytest.fail("there too early") if path.exists() else None)
    assert ensure_token(path) == read_token(path)


def test_a_folder_that_is_none_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidFileError, match="token"):
        ensure_token(tmp_path / "file" / "token")
