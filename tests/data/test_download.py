import builtins
import hashlib
import socket

import pytest

from autotensor.data import DataError, download

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture(params=["tqdm", "plain"], autouse=True)
def progress(request, monkeypatch):
    """Run every test with tqdm and without."""
    if request.param == "tqdm":
        pytest.importorskip("tqdm")
        return
    real = builtins.__import__

    def without_tqdm(name, *args, **kwargs):
        if name == "tqdm":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)


def test_a_file_arrives_whole_with_progress(server, tmp_path, capsys):
    server.files["/data.gz"] = CONTENT
    path = tmp_path / "new" / "data.gz"
    download(f"{server.url}/data.gz", path, MD5)
    assert path.read_bytes() == CONTENT and list(path.parent.iterdir()) == [path]
    shown = capsys.readouterr()
    assert "data.gz" in shown.err and "100%" in shown.err and shown.out == ""


def test_a_wrong_check_sum_leaves_nothing(server, tmp_path):
    server.files["/data.gz"] = CONTENT[:-1] + b"x"
    with pytest.raises(DataError, match=f"expected the MD5 sum {MD5}, got .*nothing was kept"):
        download(f"{server.url}/data.gz", tmp_path / "data.gz", MD5)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_ends_early_leaves_nothing(server, tmp_path):
    server.files["/data.gz"] = CONTENT
    server.claimed["/data.gz"] = len(CONTENT) + 1000
    with pytest.raises(ConnectionError, match="ended after 256000 of 257000 bytes"):
        download(f"{server.url}/data.gz", tmp_path / "data.gz", MD5)
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_survives_a_failed_download(server, tmp_path):
    path = tmp_path / "data.gz"
    path.write_bytes(b"old")
    with pytest.raises(ConnectionError, match="Not Found; check the network"):
        download(f"{server.url}/data.gz", path, MD5)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/data.gz"
        with pytest.raises(ConnectionError, match=r"cannot download .*data\.gz: .*by hand"):
            download(url, tmp_path / "data.gz", MD5)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(server, tmp_path, monkeypatch):
    server.files["/data.gz"] = CONTENT
    real = hashlib.md5

    class Interrupted:
        def __init__(self, **options):
            self.sum = real(**options)
            self.pieces = 0

        def update(self, chunk):
            self.pieces += 1
            if self.pieces == 2:
                raise KeyboardInterrupt
            self.sum.update(chunk)

    monkeypatch.setattr(hashlib, "md5", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        download(f"{server.url}/data.gz", tmp_path / "data.gz", MD5)
    assert list(tmp_path.iterdir()) == []
