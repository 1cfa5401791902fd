"""A recording whose time is over is found and deleted, whenever it is interrupted."""

import datetime

import msgspec
import pytest

from mvmono3d.deploy.recording import retention
from mvmono3d.deploy.recording.description import read_description, write_description
from mvmono3d.deploy.recording.retention import erase, expired
from mvmono3d.deploy.recording.seal import new_seal
from mvmono3d.errors import InvalidFileError, RecordingError
from tests.deploy.recording.takes import CONSENT, new_identity, written

DAY = datetime.timedelta(days=1)


def sealed(folder):
    written(folder, 3, seal=new_seal(), recipients=(new_identity()[1],))
    return folder


def test_expired_are_those_after_their_last_day_and_those_withdrawn(tmp_path):
    for name in ("kept", "withdrawn"):
        written(tmp_path / "study" / name, 1)
    description = read_description(tmp_path / "study" / "withdrawn")
    consent = msgspec.structs.replace(CONSENT, withdrawn_on=CONSENT.given_on)
    write_description(tmp_path / "study" / "withdrawn", msgspec.structs.replace(description, consent=consent))
    last = CONSENT.retain_until
    assert expired(tmp_path, today=last) == (tmp_path / "study" / "withdrawn",)
    assert len(expired(tmp_path, today=last + DAY)) == 2


def test_an_erased_recording_leaves_nothing_but_what_is_not_its_own(tmp_path):
    take = sealed(tmp_path / "take")
    (take / "damaged").mkdir()
    (take / "damaged" / "segment-000007.mcap.part").write_bytes(b"pixels")
    erase(take)
    assert list(tmp_path.iterdir()) == []
    other = sealed(tmp_path / "other")
    (other / "notes.txt").write_text("mine")
    erase(other)
    assert [path.name for path in other.iterdir()] == ["notes.txt"]
    with pytest.raises(InvalidFileError, match="not a recording"):
        erase(other)


def test_the_key_goes_first_and_an_interrupted_deletion_is_done_again(tmp_path, monkeypatch):
    take = sealed(tmp_path / "take")

    def interrupted(path):
        raise OSError("power is gone")

    with monkeypatch.context() as broken:
        broken.setattr(retention, "segment_number", interrupted)
        with pytest.raises(RecordingError, match="call it again"):
            erase(take)
    assert read_description(take).encryption is None
    assert list(take.glob("*.mcap"))
    assert expired(tmp_path, today=CONSENT.retain_until + DAY) == (take,)
    erase(take)
    assert list(tmp_path.iterdir()) == []
