"""`reproduce`: a paper's experiment, from its file to a table beside the printed one."""
