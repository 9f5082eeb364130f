import os
import stat

import pytest

from autotensor.io.files import replacing


def test_the_file_appears_at_the_end(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_an_error_nothing_has_changed(tmp_path, error):
    path = tmp_path / "a.bin"
    for content in (None, b"old"):
        if content is not None:
            path.write_bytes(content)
        before = list(tmp_path.iterdir())
        with pytest.raises(error), replacing(path) as file:
            file.write(b"half")
            raise error
        assert list(tmp_path.iterdir()) == before
    assert path.read_bytes() == b"old"


def test_permissions_are_those_of_any_new_file(tmp_path):
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.touch()
    with replacing(ours):
        pass
    assert stat.S_IMODE(os.stat(ours).st_mode) == stat.S_IMODE(os.stat(plain).st_mode)


def test_a_symbolic_link_stays_one(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"


def test_impossible_places(tmp_path):
    missing = tmp_path / "missing" / "a.bin"
    with pytest.raises(FileNotFoundError, match=r"no folder .*; create it"), replacing(missing):
        pass
    with pytest.raises(IsADirectoryError, match="it is a folder"), replacing(tmp_path):
        pass
