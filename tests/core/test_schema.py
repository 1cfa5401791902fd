import pytest

from mvmono3d.core.schema import atomic_write, check_schema, sha256_of_bytes, sha256_of_file
from mvmono3d.errors import InvalidFileError


def test_a_written_file_appears_whole(tmp_path):
    with atomic_write(tmp_path / "new" / "a.bin") as file:
        file.write(b"content")
        assert not (tmp_path / "new" / "a.bin").exists()
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_an_exception_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, failure):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def interrupted():
        with atomic_write(path) as file:
            file.write(b"half")
            raise failure

    with pytest.raises(failure):
        interrupted()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_other_schema_versions_are_refused():
    check_schema(1, where="a")
    for version in (0, 2, "1", None):
        with pytest.raises(InvalidFileError, match=r"expected 1"):
            check_schema(version, where="a")


def test_hashes_of_chunks_and_of_the_file_agree(tmp_path):
    (tmp_path / "a").write_bytes(b"onetwo")
    assert sha256_of_file(tmp_path / "a") == sha256_of_bytes(b"one", b"two") == sha256_of_bytes(b"onetwo")
