"""What is told of pictures that are odd: left out, nearly black, or not to be read."""

from collections.abc import Sequence

from martlet.data.pictures.decode import BadPicture
from martlet.errors import MartletError

DARK = 255 / 10  # pictures whose brightest value is below this are hardly meant so


def about_ignored(paths: Sequence[str]) -> str:
    """A sentence on what is no picture, or was left behind."""
    shown = ", ".join(map(repr, paths[:5])) + (f" and {len(paths) - 5} more" if paths[5:] else "")
    return f"{len(paths)} left out, no pictures or left behind by other programs: {shown}"


def about_dark(brightest: int) -> str:
    """A sentence on pictures whose brightest value is below `DARK`."""
    return (
        f"the brightest value of all pictures is {brightest} of 255, under a tenth of the scale: "
        "files of 16 bits that hold fewer, from a camera of 10 or 12 bits perhaps, become nearly "
        "black and lose their steps; write them anew, each value times 64 (10 bits) or 16 (12), "
        "for example with ImageMagick: magick mogrify -evaluate multiply 16 FILES"
    )


def refuse_too_many(bad: Sequence[BadPicture], total: int, max_bad: float) -> None:
    """Raises MartletError when more than `max_bad` of all, or all, are unreadable."""
    if len(bad) < total and len(bad) <= max_bad * total:
        return
    alike: dict[str, list[str]] = {}
    for picture in bad:
        alike.setdefault(picture.reason, []).append(picture.path)
    told = [
        f"{path!r} {reason}" + (f" (so are {len(others)} more)" if others else "")
        for reason, (path, *others) in list(alike.items())[:3]
    ]
    rest = sum(len(paths) for paths in list(alike.values())[3:])
    raise MartletError(
        f"{len(bad)} of {total} pictures cannot be read, more than max_bad={max_bad:g} allows: "
        f"{'; '.join(told)}{f'; and {rest} more' if rest else ''}."
    )
