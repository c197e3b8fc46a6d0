"""Pieces of HTML that the report and the first page share; every value in them is escaped."""

from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup

from worker.domain.identifiers import case_name
from worker.domain.money import Money
from worker.domain.step_names import readable
from worker.office.words import decline_words
from worker.pages.markup import NOTHING, joined, packaged, table
from worker.rehearsal.report_letters import Letter
from worker.rehearsal.report_story import Entry
from worker.rehearsal.report_words import (
    Words,
    amount_words,
    machine_time,
    notice_words,
    state_words,
)
from worker.store.reading import CaseLine

__all__ = [
    "NOTHING",
    "amount",
    "case_link",
    "cases_table",
    "joined",
    "letter_frame",
    "letter_head",
    "page_file",
    "state_mark",
    "story",
    "table",
    "time_element",
]

OF_ALL_PAGES = frozenset(("shared.css", "report.css"))


def page_file(name: str) -> Markup:
    """Return a file of our own from `pages/`, or a style that all our pages share."""
    if name in OF_ALL_PAGES:
        return packaged("worker.pages", name)
    return packaged("worker.rehearsal", f"pages/{name}")


def time_element(at: datetime, words: Words) -> Markup:
    """Return an instant as the office reads it, with the machine's form beside it."""
    return Markup('<time datetime="{}">{}</time>').format(machine_time(at), words.moment(at))


def amount(money: Money) -> Markup:
    """Return an amount; its figures stand in a column."""
    return Markup('<span class="amount">{}</span>').format(amount_words(money))


def state_mark(state: str, outcome: str) -> Markup:
    """Return how a case stands, as a word with a mark of its colour."""
    return Markup('<span class="state" data-state="{}">{}</span>').format(
        outcome or state, state_words(state, outcome)
    )


def case_link(case_id: int, address: str) -> Markup:
    """Return a link to a case; *address* has `{}` where its name goes."""
    name = case_name(case_id)
    return Markup('<a href="{}">{}</a>').format(address.format(name), name)


def cases_table(lines: Iterable[CaseLine], words: Words, *, address: str) -> Markup:
    """Return cases as a table; *address* is where a case's story is, with `{}` for its name."""
    return table(
        ("Case", "State", "Amount", "Customer", "Why", "Next"),
        (
            (
                case_link(line.id, address),
                state_mark(line.state, line.outcome),
                amount(line.owed),
                line.customer_name or line.customer_id,
                decline_words(line.decline_code, line.decline_class) or "—",
                _next(line, words),
            )
            for line in lines
        ),
        caption="Cases",
        right=frozenset((2,)),
    )


def _next(line: CaseLine, words: Words) -> Markup:
    if line.closed_at is not None:
        return Markup("closed {}").format(time_element(line.closed_at, words))
    if line.state in {"held", "in_review"} or line.next_action_at is None:
        return Markup("{}").format(line.reason or "waits for news")
    return Markup("{}, {}").format(
        readable(line.next_step) or "a look", time_element(line.next_action_at, words)
    )


def story(entries: Iterable[Entry], words: Words, letters: dict[str, Markup]) -> Markup:
    """Return a story as a list; *letters* are put under the entries that tell of them."""
    items = []
    for entry in entries:
        said = Markup('<p class="said">{}</p>').format(entry.said) if entry.said else NOTHING
        then = Markup('<p class="then">{}</p>').format(entry.then) if entry.then else NOTHING
        items.append(
            Markup('<li data-tone="{}">{}<div><p class="title">{}</p>{}{}{}</div></li>').format(
                entry.tone.value,
                time_element(entry.at, words),
                entry.title,
                said,
                letters.get(entry.message_id, NOTHING),
                then,
            )
        )
    return Markup('<ol class="story">{}</ol>').format(joined(items))


def letter_frame(letter: Letter, *, links: bool = False, lazy: bool = True) -> Markup:
    """Return the letter as its reader sees it on a phone, shut in a frame that can do nothing.

    Args: links: whether a click opens what the letter links to, in a tab of its own; lazy:
    whether it is drawn only when it comes into view.
    """
    may = "allow-popups allow-popups-to-escape-sandbox" if links else ""
    return Markup(
        '<iframe class="phone" sandbox="{}" loading="{}" referrerpolicy="no-referrer"'
        ' title="Letter: {}" srcdoc="{}"></iframe>'
    ).format(may, "lazy" if lazy else "eager", letter.subject, letter.html_for_frame)


def letter_head(letter: Letter) -> Markup:
    """Return a letter's kind, subject and address."""
    return Markup(
        '<p class="kind">{}</p><p class="subject" dir="auto">{}</p>'
        '<p class="to" dir="auto">to {}</p>'
    ).format(notice_words(letter.notice) if letter.notice else "Letter", letter.subject, letter.to)
