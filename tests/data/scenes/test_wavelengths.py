import numpy as np
import pytest

from martlet.data.scenes.contents import StoredArray
from martlet.data.scenes.wavelengths import in_nm, wavelengths_of


@pytest.mark.parametrize(
    ("values", "unit", "nm"),
    [
        ([400, 2500], "Nanometers", (400, 2500)),
        ([400, 2500], "nm", (400, 2500)),
        ([0.4, 2.5], "Micrometers", (400, 2500)),
        ([0.4, 2.5], " µm ", (400, 2500)),
        ([0.4, 2.5], "microns", (400, 2500)),
        ([0.4, 2.5], None, (400, 2500)),
        ([0.4, 14], "Unknown", (400, 14000)),
        ([400, 2500], "", (400, 2500)),
        ([25000, 4000], "Wavenumber", None),
        ([1, 2], "Index", None),
        ([0, 0], None, None),
        ([400, float("nan")], "nm", None),
        ([], "nm", None),
    ],
)
def test_units(values: list[float], unit: str | None, nm: tuple[float, ...] | None) -> None:
    assert in_nm(values, unit) == (nm and pytest.approx(nm))


def stored(name: str, values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> StoredArray:
    return StoredArray(name, values.shape, "float64", True, lambda: values)


def test_the_array_that_is_called_so() -> None:
    values = np.array([[400.0, 500.0, 600.0]])
    assert wavelengths_of([stored("sensor/Wavelengths", values.T)]) == (400, 500, 600)
    assert wavelengths_of([stored("wavelength", values), stored("wavelengths", values)]) is None
    assert wavelengths_of([stored("wavelength", np.ones((3, 3)))]) is None
    assert wavelengths_of([stored("other", values)]) is None
