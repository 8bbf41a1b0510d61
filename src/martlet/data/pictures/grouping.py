"""`group_by` of pictures in folders: which of them one part alone may hold."""

import re
from collections import Counter

from martlet.data.pictures.read import Listing
from martlet.errors import MartletError

NEAR_DUPLICATES = "near-duplicates"  # in place of an expression, or of a list's column


def grouped_by(listing: Listing, expression: str) -> Listing:
    """Each picture with the group that the expression's one pair of brackets finds in its path.

    A picture whose path does not match stands alone. Raises MartletError for what is no regular
    expression with one pair of brackets, and where no path matches.
    """
    way = (
        "give one with a pair of brackets around what is the same in a group's paths, as "
        rf"'(\w+)_\d+\.jpg', or {NEAR_DUPLICATES}"
    )
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise MartletError(
            f"group_by={expression!r} is no regular expression ({error}); {way}."
        ) from error
    if pattern.groups != 1:
        raise MartletError(
            f"group_by={expression!r} has {pattern.groups} pairs of brackets; {way}."
        )
    found = [pattern.search(picture.path) for picture in listing.pictures]
    groups = [None if match is None else match[1] for match in found]
    known = Counter(group for group in groups if group)
    if not known:
        raise MartletError(
            f"group_by={expression!r} matches no picture's path, such as "
            f"{listing.pictures[0].path!r}."
        )
    (largest, most), *_ = known.most_common(1)
    note = f"{len(known)} groups by their paths; the largest, {largest!r}, has {most} pictures."
    if alone := sum(group is None or not group for group in groups):
        note += f" {alone} pictures, whose paths do not match, stand alone."
    pictures = tuple(
        picture._replace(group=group)
        for picture, group in zip(listing.pictures, groups, strict=True)
    )
    return listing._replace(pictures=pictures, notes=(*listing.notes, note))
