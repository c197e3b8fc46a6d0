"""Mails to staff go out at most once: committed to `sending` before SMTP, like letters.

They follow neither the switch nor quiet hours: a stop of charging is what they tell of.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta

from worker.domain.staff import StaffContent, StaffMailState, StaffTask
from worker.ports import Clock, JobLog, Ledger, SendOutcome, StaffPost

TRY_AGAIN = timedelta(minutes=5)
"""How soon a mail that was surely not sent is tried again."""
LOST_AFTER = timedelta(minutes=10)
"""A sender that was not heard of for so long has stopped; the mail server answers far sooner."""

_STATES = {
    SendOutcome.SENT: StaffMailState.SENT,
    SendOutcome.UNKNOWN: StaffMailState.UNKNOWN,
    SendOutcome.REFUSED: StaffMailState.REFUSED,
}


def queue_staff_mail(
    kind: str,
    to: Sequence[str],
    occasions: Collection[str],
    content: StaffContent,
    *,
    ledger: Ledger,
    post: StaffPost,
    clock: Clock,
    useful_for: timedelta,
) -> int:
    """Queue one mail to each address and return how many were not queued before.

    Args: occasions: what it tells of; an address is told of each once. useful_for: after that time
    it is dropped instead of sent.
    """
    wall_now, queued = clock.wall_now(), 0
    with ledger.begin() as tx:
        for address in to:
            mail_id = tx.staff.queue(
                kind,
                address,
                occasions,
                content,
                sender=post.sender,
                wall_now=wall_now,
                send_by=wall_now + useful_for,
            )
            queued += mail_id is not None
    return queued


def deliver_staff_mails(*, ledger: Ledger, post: StaffPost, clock: Clock, log: JobLog) -> int:
    """Send every mail to staff that waits, and return how many were handed over."""
    wall_now = clock.wall_now()
    with ledger.begin() as tx:
        lost = tx.staff.lose(begun_before=wall_now - LOST_AFTER)
        waiting = tx.staff.due(wall_now=wall_now)
    for kind in lost:
        _say_unknown(log, kind, "its sender stopped")
    return sum(_deliver(mail_id, ledger, post, clock, log) for mail_id in waiting)


def _deliver(mail_id: int, ledger: Ledger, post: StaffPost, clock: Clock, log: JobLog) -> bool:
    wall_now = clock.wall_now()
    with ledger.begin() as tx:
        task = tx.staff.begin_sending(mail_id, wall_now=wall_now)
        late = task is not None and wall_now > task.send_by
        if task is not None and late:
            tx.staff.settle(task.id, StaffMailState.DROPPED, reason="too late")
    if task is None:
        return False
    if late:
        _say(log, task, "dropped", "too late")
        return False
    result = post.send(task)
    with ledger.begin() as tx:
        if result.outcome is SendOutcome.NOT_SENT:
            tx.staff.put_back(task.id, until=wall_now + TRY_AGAIN, reason=result.detail)
        else:
            sent = result.outcome is SendOutcome.SENT
            reason = "" if sent else result.detail
            tx.staff.settle(task.id, _STATES[result.outcome], reason=reason)
    if result.outcome is SendOutcome.UNKNOWN:
        _say_unknown(log, task.kind, result.detail)
        return False
    waits = result.outcome is SendOutcome.NOT_SENT
    state = "waits" if waits else _STATES[result.outcome].value
    _say(log, task, state, "" if result.outcome is SendOutcome.SENT else result.detail)
    return result.outcome is SendOutcome.SENT


def _say(log: JobLog, task: StaffTask, state: str, reason: str) -> None:
    if state == StaffMailState.SENT:
        log.info("staff_mail", notice=task.kind, state=state)
        return
    log.warning(
        "staff_mail",
        notice=task.kind,
        state=state,
        reason=reason,
        do="look at the mail server and at `staff` in config/notices.yaml",
    )


def _say_unknown(log: JobLog, kind: str, reason: str) -> None:
    log.warning(
        "staff_mail",
        notice=kind,
        state=StaffMailState.UNKNOWN.value,
        reason=reason,
        do="ask the mail server's log; it is not sent again",
    )
