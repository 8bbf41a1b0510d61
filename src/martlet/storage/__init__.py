"""Files and folders that are whole or not there, whoever writes, whatever kills the process."""
