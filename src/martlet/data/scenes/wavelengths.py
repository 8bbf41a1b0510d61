"""Wavelengths of bands, in nm, whatever unit a file has them in."""

from collections.abc import Iterable, Sequence

import numpy as np

from martlet.data.scenes.contents import StoredArray

WAVELENGTH_NAMES = ("wavelength", "wavelengths")  # of arrays, in any case
_UNITS_NM = {"nm": 1.0, "nanometer": 1.0, "nanometre": 1.0}
_UNITS_UM = ("um", "µm", "μm", "micron", "micrometer", "micrometre")  # micro sign and Greek mu
_UNITS = {**_UNITS_NM, **dict.fromkeys(_UNITS_UM, 1000.0)}
LARGEST_UM = 100  # wavelengths of scenes are 0.2 to 15 µm: 200 to 15,000 nm


def in_nm(wavelengths: Sequence[float], unit: str | None) -> tuple[float, ...] | None:
    """Wavelengths in nm; None where they are none, or of a unit that is no length.

    Without a unit (None, "", "Unknown") numbers up to 100 are micrometres, others nanometres:
    no scene's bands lie where both could be meant.
    """
    known = unit is not None and unit.strip().lower() not in ("", "unknown")
    values = np.asarray(wavelengths, np.float64)
    if not values.size or not np.isfinite(values).all() or values.min() <= 0:
        return None
    if known:
        scale = _UNITS.get(str(unit).strip().lower().removesuffix("s"))
    else:
        scale = 1000.0 if values.max() <= LARGEST_UM else 1.0
    return None if scale is None else tuple((values * scale).tolist())


def wavelengths_of(arrays: Iterable[StoredArray]) -> tuple[float, ...] | None:
    """The values of the one array of numbers that is called so, in nm."""
    found = [
        stored
        for stored in arrays
        if stored.name.rpartition("/")[2].lower() in WAVELENGTH_NAMES
        and stored.numbers
        and max(stored.shape, default=0) == np.prod(stored.shape) > 0
    ]
    if len(found) != 1:
        return None
    values = np.asarray(found[0].open()[(slice(None),) * len(found[0].shape)])
    return in_nm(values.ravel().astype(np.float64).tolist(), None)
