"""The pure core: no vendor, no clock, no input or output, so every rule is a table that can be tested.

`domain` may import nothing but `worker.errors` and the standard library's pure parts.
"""
