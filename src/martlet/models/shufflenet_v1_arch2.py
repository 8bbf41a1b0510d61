"""The `arch2` networks of ShuffleNet: wider, with two units of stage 3 fewer (arXiv 1707.01083v1).

Version 1 of the paper is said to have compared them at about 40M (0.5x) and 13M MACs (0.25x).
Version 2 does not have them any more.

Differences from the paper:

- No source prints the channels. Here stages 2, 3 and 4 have s, 2s and 4s, each rounded to a
  multiple of 4·groups, with the s whose MACs come closest to 40M or 13M. The first convolution is
  that of the usual network of the width. Test: the rule.

All else is as in shufflenet_v1.py.
"""

from martlet.models.shufflenet_v1 import Variant

_NOTE = (
    "version 2 of the paper prints no channels, params or MACs of arch2; these channels come "
    "closest to the 40M (0.5x) and 13M (0.25x) that version 1 is said to have"
)


def _row(
    width: str, groups: int, stem: int, stages: tuple[int, int, int], params: int, macs: int
) -> Variant:
    return Variant(
        f"shufflenet_v1_arch2_g{groups}_{width}",
        params,
        macs,
        groups=groups,
        stem=stem,
        stages=stages,
        repeats=(4, 6, 4),
        note=_NOTE,
    )


# fmt: off
VARIANTS = (
    _row("x0_25", 1, 12, (40, 76, 152), 218_634, 13_209_912),
    _row("x0_25", 2, 12, (56, 104, 208), 273_380, 13_242_000),
    _row("x0_25", 3, 12, (60, 132, 252), 318_886, 13_105_092),
    _row("x0_25", 4, 12, (64, 144, 288), 353_316, 12_573_280),
    _row("x0_25", 8, 8, (96, 224, 448), 530_392, 13_177_024),
    _row("x0_5", 1, 12, (80, 156, 312), 574_474, 39_923_992),
    _row("x0_5", 2, 12, (112, 216, 440), 703_760, 39_986_136),
    _row("x0_5", 3, 12, (132, 264, 540), 807_376, 39_890_136),
    _row("x0_5", 4, 12, (160, 304, 608), 870_924, 40_929_120),
    _row("x0_5", 8, 16, (192, 416, 832), 1_086_472, 39_865_792),
)
# fmt: on
