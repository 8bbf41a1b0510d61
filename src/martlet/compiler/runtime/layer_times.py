"""What a timed run of a compiled network gives: the time of each layer, and of all."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerTime:
    """One layer of a compiled network; times are medians."""

    name: str
    operator: str  # "1×1 convolution", "depthwise convolution", "element-wise", …
    summary: str  # window, what was fused, shapes
    macs: int
    bytes: int  # read and written: maps, and weights
    moved_bytes: int  # of them only to change places
    tile: str  # output blocks × places whose sums stay in registers
    milliseconds: float
    gflops: float  # two for each MAC that is done
    share_of_peak: float  # of the processor's multipliers, measured
    saved_macs: int  # of `macs`, what minimal filtering does without


@dataclass(frozen=True)
class Profile:
    """All layers in the order of their calls."""

    name: str
    target: str
    layers: list[LayerTime]
    milliseconds: float  # of all layers together, the clock's own time included
    peak_gflops: float  # of one core, by a loop that reads no memory, at the clock of these runs
    runs: int

    @property
    def macs(self) -> int:
        """Of the whole network."""
        return sum(layer.macs for layer in self.layers)

    @property
    def saved_macs(self) -> int:
        """What minimal filtering does without, of the whole network."""
        return sum(layer.saved_macs for layer in self.layers)

    @property
    def gflops(self) -> float:
        """Of the whole network, without what is saved."""
        return 2e-6 * (self.macs - self.saved_macs) / self.milliseconds

    @property
    def moved_bytes(self) -> int:
        """Bytes that only change places."""
        return sum(layer.moved_bytes for layer in self.layers)
