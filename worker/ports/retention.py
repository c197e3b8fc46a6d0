"""What is not kept for ever: raw payloads and rendered letters."""

from datetime import datetime
from typing import Protocol


class RetentionBook(Protocol):
    """Takes out what is old, a bounded number of rows at a time; everything else stays."""

    def drop_events(self, *, wall_before: datetime, before: datetime, limit: int) -> int:
        """Delete raw events that were received and happened before; return how many rows."""

    def drop_rendered(self, *, before: datetime, limit: int) -> int:
        """Empty letters that were queued before *before*, business time; return how many."""
