"""Words that people type, told from our own: they may name customers, so they must be erasable."""


class StaffWords(str):
    """A text that a person typed, or a sentence of ours that quotes it."""

    __slots__ = ()
