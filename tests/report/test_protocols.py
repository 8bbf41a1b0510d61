from typing import Any

from martlet.report.protocols import compare


def run(name: str, top1: float, recall: float, inside: int = 0) -> dict[str, Any]:
    return {
        "top1": top1,
        "balanced_top1": top1 / 2,
        "kappa": top1 - 0.1,
        "protocol": {"name": name, "test": 100, "test_in_windows": inside},
        "caution": "optimistic" if name == "random" else "",
        "per_class": [
            {"class": "a", "recall": recall, "support": 5},
            {"class": "never", "recall": 0.0, "support": 0},
        ],
    }


def test_one_run_is_compared_with_nothing() -> None:
    assert compare([]) is None
    assert compare([run("random", 0.9, 1.0)]) is None


def test_mean_and_range_for_each_protocol_and_what_leaks() -> None:
    found = compare(
        [run("disjoint", 0.7, 0.5), run("disjoint", 0.8, 0.7), run("random", 0.95, 1.0, 90)]
    )
    assert found is not None
    assert found.columns == ("disjoint (2 runs)", "random, optimistic (1 run)")
    assert dict(found.rows) == {
        "overall accuracy": ("75.0\u00a0% (70.0\u00a0% to 80.0\u00a0%)", "95.0\u00a0%"),
        "average accuracy": ("37.5\u00a0% (35.0\u00a0% to 40.0\u00a0%)", "47.5\u00a0%"),
        "kappa": ("0.650 (0.600 to 0.700)", "0.850"),
        "recall of a": ("60.0\u00a0% (50.0\u00a0% to 70.0\u00a0%)", "100\u00a0%"),
    }
    (told,) = found.told
    assert "90.0\u00a0% of its test pixels lie in the window of a training pixel" in told
    assert "20.0 points of the random score do not survive" in told


def test_no_leakage_is_said_where_none_shows() -> None:
    found = compare([run("disjoint", 0.9, 0.5), run("random", 0.8, 0.7)])
    assert found is not None
    assert found.told[0].endswith("no leakage shows in these runs.")
    seeds = compare([run("disjoint", 0.9, 0.5), run("disjoint", 0.8, 0.7)])
    assert seeds is not None
    assert seeds.told == ()
