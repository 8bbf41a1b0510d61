from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Pair, close

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.errors import MartletError


def test_a_damaged_library_is_one_sentence(copied: Path) -> None:
    library = copied / CompiledNetwork(copied).description.library
    library.write_bytes(b"no library")
    with pytest.raises(MartletError, match="is damaged; `martlet compile` makes it again"):
        CompiledNetwork(copied)(np.zeros((1, 3, 20, 24), np.float32))
    library.unlink()
    net = CompiledNetwork(copied)  # what it is can still be asked
    assert net.description.macs > 0
    with pytest.raises(MartletError, match="is missing"):
        net(np.zeros((1, 3, 20, 24), np.float32))


def test_compiling_again_does_not_disturb_one_that_runs(
    tiny: Path, copied: Path, pair: Pair
) -> None:
    before = CompiledNetwork(copied)
    compile_onnx(tiny, copied, target="portable")
    close(before(pair[0]), pair[1])
    close(CompiledNetwork(copied)(pair[0]), pair[1])
