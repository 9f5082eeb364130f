"""Files from the web: checked, and whole or not at all."""

import hashlib
import sys
from contextlib import contextmanager
from pathlib import Path

from autotensor.io.files import DataError, replacing

_CHUNK = 1 << 16
_TIMEOUT = 30  # seconds without a byte


def download(url, path, md5):
    """Fetch ``url`` into the file ``path``, whose MD5 sum must be ``md5``; progress on stderr.

    Raises ConnectionError if the network fails, DataError if something else arrives. ``path``
    appears only when complete.
    """
    path = Path(path)
    digest = hashlib.md5(usedforsecurity=False)
    with _open(url, path) as response:
        path.parent.mkdir(parents=True, exist_ok=True)
        size = int(response.headers.get("Content-Length") or 0)
        with replacing(path) as file, _progress(path.name, size) as advance:
            for chunk in _chunks(response, url, path, size):
                file.write(chunk)
                digest.update(chunk)
                advance(len(chunk))
            _check(digest.hexdigest(), md5, url, path)


def _check(found, md5, url, path):
    if found != md5:
        raise DataError(
            f"{url}: expected the MD5 sum {md5}, got {found}; nothing was kept: try again, or put "
            f"the right file to {path}"
        )


def _open(url, path):
    from urllib.request import Request, urlopen

    try:
        return urlopen(Request(url, headers={"User-Agent": "autotensor"}), timeout=_TIMEOUT)
    except OSError as error:
        raise _failed(url, path, getattr(error, "reason", error)) from error


def _chunks(response, url, path, size):
    from http.client import HTTPException

    received = 0
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (OSError, HTTPException) as error:
            raise _failed(url, path, error) from error
        if not chunk:
            break
        received += len(chunk)
        yield chunk
    if received < size:
        raise _failed(url, path, f"the connection ended after {received} of {size} bytes")


def _failed(url, path, reason):
    return ConnectionError(
        f"cannot download {url}: {reason}; check the network and try again, or put the file to "
        f"{path} by hand"
    )


@contextmanager
def _progress(name, size):
    """Yield a function to be told of every new piece: it moves a tqdm bar or writes every tenth."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield from _tenths(name, size)
    else:
        with tqdm(desc=name, total=size or None, unit="B", unit_scale=True) as bar:
            yield bar.update


def _tenths(name, size):
    done = shown = 0

    def advance(count):
        nonlocal done, shown
        done += count
        while size and done * 10 >= (shown + 1) * size:
            shown += 1
            print(f" {shown}0%", end="", file=sys.stderr, flush=True)

    print(f"downloading {name}, {size / 1e6:.1f} MB:", end="", file=sys.stderr, flush=True)
    try:
        yield advance
    finally:
        print(file=sys.stderr)
