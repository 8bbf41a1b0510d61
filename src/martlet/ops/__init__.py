"""Building blocks of the networks; imports torch only."""
