from io import StringIO

import pytest
from rich.console import Console
from tests.console.test_tables import lines, text
from torch import nn

from martlet.api.list import list_networks
from martlet.api.show import show
from martlet.console import network_tables
from martlet.measuring.cost import cost


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(file=StringIO(), width=40)
    monkeypatch.setattr(network_tables, "out", lambda: console)
    return console


def test_what_has_no_macs_is_said(narrow: Console) -> None:
    network_tables.shown(show("shufflenet_series"))
    assert "operators without MACs: batch norm 4, relu 4, clone 4, mean 1" in lines(narrow)
    network_tables.cost_line(cost(nn.Linear(3, 4), (1, 3)), narrow)
    assert lines(narrow)[-1].startswith("16 params")  # nothing to say
    network_tables.listed(list_networks("resnet18"))
    assert "`martlet show` counts" in text(narrow)


def test_no_figure_is_cut_on_a_narrow_terminal(narrow: Console) -> None:
    network_tables.listed(list_networks("shufflenet_v2*"))
    assert "shufflenet_v2_x1_0" in text(narrow)
    assert "2,278,604" in text(narrow)
    assert "…" not in text(narrow)
