"""The pure core: no vendor, no clock, no input or output, so every rule can be tested as a table.

`domain` may import nothing but `worker.errors` and the standard library's pure parts.
"""
