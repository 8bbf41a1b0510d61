"""Sensor recordings: from files to windows of one activity each."""
