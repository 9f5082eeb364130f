"""Writing a file whole or not at all."""

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path


class DataError(ValueError):
    """A file's content is not what it should be: truncated, corrupt or of another format."""


@contextmanager
def replacing(path):
    """Open a binary file that takes the place of ``path`` when the block ends without an error.

    The bytes go to a temporary file beside ``path`` and reach the disk before it is renamed, so
    ``path`` is always the old file or the complete new one. After any error, Ctrl-C included, the
    temporary file is gone.
    """
    target = Path(os.path.realpath(path))  # the file behind a symbolic link, not the link
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"cannot write {os.fspath(path)}: there is no folder {target.parent}; create it first"
        )
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {os.fspath(path)}: it is a folder; name a file")
    part = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    try:
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    except BaseException:
        with suppress(FileNotFoundError):  # it may not have been created yet
            part.unlink()
        raise
