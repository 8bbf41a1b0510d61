"""Files from a server: whole and with the right checksum, or not there."""

import hashlib
import json
import urllib.request
import zipfile
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any

from martlet.errors import MartletError
from martlet.storage.files import replacing
from martlet.storage.locks import temporary

SECONDS = 30.0  # that a server may be silent
CHUNK_BYTES = 2**20


def fetch(url: str, path: Path, checksum: str = "", member: str = "") -> None:
    """Download `url` to `path`, which is whole or not there.

    checksum: "sha256:" or "sha1:" and the first digits, or all, of the file's sum; "" for none.
    member: the file to take out of a zip archive that `url` is.

    Raises MartletError when the server refuses or is silent, and for another checksum.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as beside:
        if member:
            with temporary(path.parent, Path.touch) as archive:
                _download(url, archive, path)
                _take_out(url, archive, member, beside)
        else:
            _download(url, beside, path)
        if not has_checksum(beside, checksum):
            raise MartletError(
                f"what {url} sent has not the checksum {checksum} of the file; try again, or "
                f"download it elsewhere and put it to {path}."
            )


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether the file's sum begins as `checksum` says; "" fits all."""
    if not checksum:
        return True
    name, _, digits = checksum.partition(":")
    total = hashlib.new(name)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            total.update(chunk)
    return total.hexdigest().startswith(digits)


def fetch_json(url: str, way_out: str) -> dict[str, Any]:
    """The table that a server answers; raises MartletError, which ends with `way_out`."""
    try:
        with _opened(url) as answer:
            found = json.loads(answer.read())
    except ValueError as error:
        raise MartletError(f"{url} answered with something else than JSON; {way_out}.") from error
    except (OSError, HTTPException) as error:
        raise MartletError(f"{url} could not be read ({_reason(error)}); {way_out}.") from error
    if not isinstance(found, dict):
        raise MartletError(f"{url} answered with something else than a table; {way_out}.")
    return found


def _opened(url: str) -> IO[bytes]:
    answer: IO[bytes] = urllib.request.urlopen(url, timeout=SECONDS)
    return answer


def _download(url: str, beside: Path, path: Path) -> None:
    try:
        answer = _opened(url)
    except (OSError, HTTPException, ValueError) as error:
        raise _refused(url, path, error) from error
    with answer, beside.open("wb") as file:
        while True:
            try:
                chunk = answer.read(CHUNK_BYTES)
            except (OSError, HTTPException) as error:
                raise _refused(url, path, error) from error
            if not chunk:
                return
            file.write(chunk)


def _take_out(url: str, archive: Path, member: str, beside: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(member) as source:
            beside.write_bytes(source.read())
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise MartletError(
            f"what {url} sent is no archive that holds {member}; try again."
        ) from error


def _refused(url: str, path: Path, error: Exception) -> MartletError:
    return MartletError(
        f"{url} could not be downloaded ({_reason(error)}); where there is a network, download it "
        f"and put it to {path}."
    )


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
