"""A picture looked at once: its content's hash, and whether it can be read."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from martlet.data.pictures.decode import BadPicture, decode_bytes
from martlet.data.pixel_file import DIGEST_BYTES

Item = TypeVar("Item")
Found = TypeVar("Found")


class Inspected(NamedTuple):
    """Of one picture: hash of the content, its bytes, the brightest value; or what is wrong.

    suffix: what its file would be called by its first bytes.
    """

    digest: str
    length: int
    brightest: int = 0
    reason: str = ""
    suffix: str = ".jpg"


def digest_of(content: bytes) -> str:
    """The hash that splits go by, as in the pixel cache."""
    return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def inspect(read: Callable[[], bytes], name: str) -> Inspected:
    """Decodes the picture, and lets go of it; only a BadPicture that `read` raises is caught."""
    try:
        content = read()
        with decode_bytes(content, name) as image:
            extrema: Any = image.getextrema()  # of each of RGB
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        brightest = max(high for _, high in extrema)
        return Inspected(digest_of(content), len(content), brightest, suffix=suffix)
    except BadPicture as error:
        return Inspected("", 0, 0, error.reason)


def in_order(
    items: Iterable[Item], work: Callable[[Item], Found], workers: int | None = None
) -> Iterator[Found]:
    """`work` on each item by threads, in order, with a bounded number of them waiting."""
    count = workers or os.cpu_count() or 1
    waiting: deque[Future[Found]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="inspect") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 16 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
