"""Small files in the formats of the public data sets, and a web server on this machine."""

import gzip
import http.server
import struct
import threading

import numpy as np
import pytest

from autotensor.data import cifar10


def idx_bytes(array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


@pytest.fixture
def mnist_folder(tmp_path):
    """A folder like MNIST's: 6 training images plain, 4 test images gzipped."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("t10k", 4)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            raw = idx_bytes(array)
            name = f"{part}-{name}-ubyte"
            if part == "train":
                (tmp_path / name).write_bytes(raw)
            else:
                (tmp_path / f"{name}.gz").write_bytes(gzip.compress(raw))
    return tmp_path


@pytest.fixture
def cifar_batches(monkeypatch):
    """Batch name -> (planes (4, 3, 32, 32), labels (4,)): CIFAR-10 with 4 images a batch."""
    monkeypatch.setattr(cifar10, "RECORDS", 4)
    rng = np.random.default_rng(1)
    return {
        name: (
            rng.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8),
            rng.integers(0, 10, 4, dtype=np.uint8),
        )
        for name in cifar10.TRAIN + cifar10.TEST
    }


class Server:
    """Serves ``files`` (path -> bytes); ``claimed`` overrides the length that is announced."""

    def __init__(self):
        self.files = {}
        self.claimed = {}
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path not in server.files:
                    self.send_error(404)
                    return
                content = server.files[self.path]
                self.send_response(200)
                length = server.claimed.get(self.path, len(content))
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    yield running
    running.close()
