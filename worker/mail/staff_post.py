"""Mails to staff through the same mail server as letters (ports.StaffPost)."""

from worker.domain.policy import Sender
from worker.domain.staff import StaffTask
from worker.mail.message import Attachment, OutgoingMail
from worker.mail.smtp import SmtpMailer
from worker.ports import SendResult


class StaffPostOffice:
    """Sends mails to staff; safe to share between threads."""

    def __init__(self, mailer: SmtpMailer, sender: Sender) -> None:
        """Send through *mailer*, as the sender of letters."""
        self._mailer = mailer
        self.sender = sender.from_address

    def send(self, task: StaffTask) -> SendResult:
        """Hand one mail over, once, and say what became of it."""
        content = task.content
        attached = (
            (Attachment(content.attachment_name, "text", "csv", content.attachment.encode()),)
            if content.attachment_name
            else ()
        )
        return self._mailer.send(
            OutgoingMail(
                message_id=task.message_id,
                to=task.to,
                from_=self.sender,
                reply_to="",
                subject=content.subject,
                text=content.text,
                html=content.html,
                attachments=attached,
            )
        )
