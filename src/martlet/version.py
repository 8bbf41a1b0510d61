"""The version, for the files that are written and for the distribution."""

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """Of what the numbers of a run depend on."""
    import platform

    import numpy as np
    import torch

    return {
        "martlet": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
