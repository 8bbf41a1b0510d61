"""What martlet's exporter wrote into an ONNX file, as headers of C are made of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from martlet.errors import MartletError


@contextmanager
def damage_told() -> Iterator[None]:
    """What fails on metadata of another form becomes one sentence, a MartletError."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise MartletError(
            f"the ONNX file's martlet metadata is damaged ({type(error).__name__}: {error}); "
            "export it again."
        ) from error
