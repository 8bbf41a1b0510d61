"""Which array of a file is meant, and which axis holds the bands: told, or asked, never guessed."""

from martlet.data.scenes.contents import Contents, StoredArray, in_words, no_values
from martlet.errors import MartletError

LONG = 8  # times the other side: more than scenes are longer than wide, less than pixels to bands
SCENE_OPTION, LABELS_OPTION = "--array", "--labels-array"  # by which an array is named
SCENE_NEEDS = "a scene has three axes, rows × columns × bands, of numbers"
LABELS_NEED = "a label map has two axes, rows × columns"
AXES = ("first", "second", "third")
ENDS = "give bands_axis (--bands-axis): 0, 1 or 2 for the first, second or third"


def scene_array(contents: Contents, name: str | None) -> StoredArray:
    """The array of three axes: the one called so, or the only one, if no other has more values.

    A matrix of bands × pixels beside a small array of three axes, as in sets for unmixing, is
    asked about. Raises MartletError, with the arrays and their shapes.
    """
    if name is not None:
        stored = _named(contents, name, "array")
        if len(stored.shape) != 3 or not stored.size or stored.what == "bool":
            raise MartletError(
                f"array {stored} of file {str(contents.path)!r} is no scene: {SCENE_NEEDS}"
                f"{_matrix(stored)}."
            )
        return stored
    numbers = [stored for stored in contents.arrays if stored.numbers]
    found = [s for s in numbers if len(s.shape) == 3 and s.size and s.what != "bool"]
    if contents.axes_known and len(found) > 1 and all(s.shape[2] == 1 for s in found):
        raise MartletError(
            f"file {str(contents.path)!r} holds {len(found)} pages of one band each; write all "
            "bands into one page, for example with rio stack or gdal_merge.py -separate."
        )
    if len(found) == 1:
        larger = [s for s in numbers if s.size > found[0].size]
        if not larger:
            return found[0]
        raise MartletError(
            f"file {str(contents.path)!r} holds one array of three axes, {found[0]}, and a larger "
            f"one, {larger[0]}{_matrix(larger[0])}; if the former is the scene, give "
            f"{SCENE_OPTION} {found[0].name}."
        )
    largest = max(contents.arrays, key=lambda stored: stored.size, default=None)
    matrix = "" if largest is None else _matrix(largest)
    raise _unclear(contents, found, SCENE_OPTION, f"{SCENE_NEEDS}{matrix}")


def label_array(contents: Contents, name: str | None) -> StoredArray:
    """The array of two axes (one side of 1 beside them is passed over): the one called so, or the
    only one. Vectors and single numbers do not count. Raises MartletError as `scene_array` does.
    """
    if name is not None:
        stored = _named(contents, name, "labels_array")
        if rows_and_columns(contents, stored) is None:
            raise MartletError(
                f"array {stored} of file {str(contents.path)!r} is no label map: {LABELS_NEED}."
            )
        return stored
    found = [s for s in contents.arrays if s.numbers and rows_and_columns(contents, s)]
    if len(found) == 1:
        return found[0]
    raise _unclear(contents, found, LABELS_OPTION, LABELS_NEED)


def axis_of_bands(
    contents: Contents,
    stored: StoredArray,
    bands_axis: int | None,
    rows_columns: tuple[int, int] | None,
) -> int:
    """Which axis of a scene's array holds the bands.

    What the format says; else `bands_axis`; else the last one, unless another one is suspected:
    the label map's sides (`rows_columns`) fit the others only, or, without these, two sides are
    equal and the third is not the last, all three are equal, or the first is at most half as long
    as each other. Raises MartletError to ask.
    """
    if bands_axis is not None and bands_axis not in (0, 1, 2):
        raise MartletError(f"bands_axis={bands_axis} is no axis of a scene; accepted: 0, 1, 2.")
    if contents.axes_known:
        if bands_axis not in (None, 2):
            raise MartletError(
                f"bands_axis={bands_axis} does not belong to file {str(contents.path)!r}, whose "
                "format says which axis holds the bands; leave it out."
            )
        return 2
    if bands_axis is not None:
        return bands_axis
    why = _suspicion(stored.shape, rows_columns)
    if why is None:
        return 2
    raise MartletError(
        f"which axis of array {stored} of file {str(contents.path)!r} holds the bands is not "
        f"clear ({why}); {ENDS}."
    )


def _suspicion(shape: tuple[int, ...], rows_columns: tuple[int, int] | None) -> str | None:
    """Why the bands may not lie along the last axis."""
    first, second, third = shape
    fits = [axis for axis in range(3) if (*shape[:axis], *shape[axis + 1 :]) == rows_columns]
    if 2 in fits:
        return None
    if rows_columns is not None and fits:
        return f"the label map's {in_words(rows_columns)} fits if it is the {AXES[fits[0]]}"
    if first == second == third:
        return "all sides are equal"
    if second == third:
        return "the last two sides are equal, as rows and columns may be"
    if first == third:
        return "the first and the last side are equal, as rows and columns may be"
    if first != second and 2 * first <= min(second, third):
        return "the first side is much shorter than the others, as that of bands may be"
    return None


def _named(contents: Contents, name: str, option: str) -> StoredArray:
    found = [stored for stored in contents.arrays if stored.name == name]
    if not found:
        raise MartletError(
            f"{option}={name!r} is not in file {str(contents.path)!r}; it holds "
            f"{_listed(contents)}."
        )
    if not found[0].numbers:
        raise no_values(found[0], contents.path)
    return found[0]


def _unclear(
    contents: Contents, found: list[StoredArray], option: str, needed: str
) -> MartletError:
    """No array, or several, could be meant; `option` names one."""
    path = str(contents.path)
    if found:
        several = ", ".join(map(str, found[:8])) + (", …" if len(found) > 8 else "")
        return MartletError(
            f"file {path!r} holds {len(found)} arrays that could be meant, {several}; say which "
            f"with {option}, such as {option} {found[0].name}."
        )
    if len(contents.arrays) == 1 and not contents.arrays[0].numbers:
        return no_values(contents.arrays[0], contents.path)
    return MartletError(f"file {path!r} holds {_listed(contents)}, but {needed}.")


def _matrix(stored: StoredArray) -> str:
    """What a large matrix may be, and what to do with it; behind other words of a sentence."""
    long, short = max(stored.shape, default=0), min(stored.shape, default=0)
    if len(stored.shape) != 2 or short < 2 or long < LONG * short:
        return ""
    return (
        f" ({stored.name!r} may be a matrix of bands × pixels, as sets for unmixing hold it: "
        "reshape it to rows × columns × bands and save it with numpy.save)"
    )


def _listed(contents: Contents) -> str:
    shown = ", ".join(map(str, contents.arrays[:8]))
    return shown + (", …" if len(contents.arrays) > 8 else "") if shown else "no arrays"


def rows_and_columns(contents: Contents, stored: StoredArray) -> tuple[int, int] | None:
    """Sides of an array that may be a label map; None for another one."""
    if contents.axes_known:
        rows, columns, bands = stored.shape
        return (rows, columns) if bands == 1 else None
    sides = [size for size in stored.shape if size != 1]
    if len(sides) != 2 or len(stored.shape) > 3 or not stored.size:
        return None
    return sides[0], sides[1]
