"""Options of `train` that are none of the recipe's, a file for each subject."""
