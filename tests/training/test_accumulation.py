from martlet.training.accumulation import WHOLE_STEP, Turn, turn_of


def test_a_batch_by_itself_is_a_step() -> None:
    for batch in range(6):
        assert turn_of(batch, 3, 1) == WHOLE_STEP._replace(step=batch, per_epoch=3)


def test_a_step_takes_batches_of_one_epoch_and_the_last_what_is_left() -> None:
    found = [turn_of(batch, 5, 2) for batch in range(10)]
    assert [turn.step for turn in found] == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    assert [turn.batches for turn in found] == 2 * [2, 2, 2, 2, 1]
    assert [turn.first for turn in found] == 2 * [True, False, True, False, True]
    assert [turn.last for turn in found] == 2 * [False, True, False, True, True]
    assert {turn.per_epoch for turn in found} == {3}


def test_an_epoch_shorter_than_a_step_is_one() -> None:
    assert turn_of(4, 3, 8) == Turn(1, 1, batches=3, first=False, last=False)
    assert turn_of(5, 3, 8).last
