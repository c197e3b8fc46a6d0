"""An inbox from which letters can be set aside that the calm run cannot have."""

from collections.abc import Callable

from worker.rehearsal.customer_letters import read_letter
from worker.rehearsal.embedded.inbox import Inbox, Mail


class Mailbox(Inbox):
    """Shows every mail but those set aside."""

    def __init__(self) -> None:
        """Prepare an inbox that only remembers."""
        super().__init__()
        self._aside: set[int] = set()

    @property
    def mails(self) -> list[Mail]:
        """What arrived and was not set aside, in order of arrival."""
        return [each for each in super().mails if each.number not in self._aside]

    @property
    def last_number(self) -> int:
        """The number of the last mail that arrived; 0 where none did."""
        return max((each.number for each in super().mails), default=0)

    def set_aside(self, chosen: Callable[[Mail], bool]) -> int:
        """Hide the mails that are *chosen* and return how many they are."""
        found = {each.number for each in self.mails if chosen(each)}
        self._aside |= found
        return len(found)

    def set_aside_repeated(self, *, after: int, until: int) -> int:
        """Hide what arrived once more, under its Message-ID, after a ledger forgot some hours.

        Args: after, until: the numbers of the last mails before those hours and in them. What was
        sent before them, or twice since, stays, and is found.
        """
        lost = {_id(each) for each in self.mails if after < each.number <= until}
        again: set[int] = set()
        for each in self.mails:
            if each.number > until and _id(each) in lost:
                lost.remove(_id(each))
                again.add(each.number)
        return self.set_aside(lambda mail: mail.number in again)


def _id(mail: Mail) -> str:
    return read_letter(mail).message_id
