"""swiftlet: small, swift convolutional networks, from labelled data to the device."""

__version__ = "0.1.0"
