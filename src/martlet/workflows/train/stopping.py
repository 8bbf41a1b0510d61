"""What Ctrl-C and SIGTERM do while a network is trained."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from martlet.console.progress import Voice
from martlet.training.job import Stop


@contextmanager
def stopping(stop: Stop, voice: Voice) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the loop to save and stop; a second one stops at once."""

    def ask(number: int, frame: object) -> None:
        if stop.requested:
            raise KeyboardInterrupt
        stop.requested = True
        voice.say("stopping after this step; once more to stop at once (the last checkpoint stays)")

    signals = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(number, ask) for number in signals]
    except ValueError:  # not in the main thread, where Python allows no handlers
        yield
        return
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
