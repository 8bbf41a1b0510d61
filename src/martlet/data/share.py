"""What each of several processes takes of a batch."""

from dataclasses import dataclass

from martlet.errors import MartletError


@dataclass(frozen=True)
class Share:
    """Of each batch, what one of several processes takes: part `rank` of `count` equal parts."""

    rank: int = 0
    count: int = 1

    def of(self, batch_size: int) -> slice:
        """Its places in a batch; raises MartletError when the parts would not be equal."""
        if batch_size % self.count:
            raise MartletError(
                f"a step of {batch_size} inputs cannot be shared equally by {self.count} "
                f"processes; give a batch_size that is a multiple of {self.count}, and no larger "
                "than the training part."
            )
        size = batch_size // self.count
        return slice(self.rank * size, (self.rank + 1) * size)


WHOLE = Share()
