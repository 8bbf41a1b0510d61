"""Pictures and the HTML page of a run: plain data in, files out."""
