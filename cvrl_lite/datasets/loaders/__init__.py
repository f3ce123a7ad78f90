"""Loaders make batches of a data set, the same ones for the same seed.

`memory` makes them from a decoded set, `files` from the files themselves; `schedule` says which video gives a
sample when.
"""
