"""`measure --ssh` and `--adb`: a network in C, built here, timed on another machine."""
