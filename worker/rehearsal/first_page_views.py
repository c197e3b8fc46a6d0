"""The pages of `dunning up` as HTML; every value is escaped by the way they are put together."""

from collections.abc import Sequence

from markupsafe import Markup

from worker.domain.identifiers import case_name
from worker.office.charging import stopped_by_mode, switched_off
from worker.rehearsal import report_markup as markup
from worker.rehearsal.first_page_forms import card_forms, clock_form, pay_form
from worker.rehearsal.first_page_people import Person, Plan
from worker.rehearsal.first_page_play import Shown
from worker.rehearsal.first_page_reading import CaseView, Overview
from worker.rehearsal.report_letters import Letter
from worker.rehearsal.report_markup import NOTHING, joined
from worker.rehearsal.report_words import Words, amount_words, notice_words, plural
from worker.store.reading import CaseLine
from worker.store.reading_report import LetterRow

INBOX_MAX = 8
"""So many letters the overview shows; the inbox has them all."""
CASES = "/cases/{}"

Mailed = Sequence[tuple[Letter, LetterRow | None]]


def page(title: str, main: Markup, *, shown: Shown, words: Words, here: str) -> Markup:
    """Return a whole page around *main*."""
    return markup.page_file("first_page.html").format(
        title=title,
        style=markup.page_file("shared.css") + markup.page_file("first_page.css"),
        version=shown.version,
        waiting=Markup('<meta http-equiv="refresh" content="2">') if shown.busy else NOTHING,
        nav=_nav(here),
        date=words.date(shown.now),
        clock=words.clock(shown.now),
        zone=words.zone.key,
        steps=clock_form(shown, here),
        said=_said(shown),
        main=main,
        script=markup.page_file("first_page_script.html"),
    )


def _nav(here: str) -> Markup:
    places = (("/", "Cases"), ("/inbox", "Inbox"), ("/customers", "Customers"))
    return joined(
        Markup('<a href="{}"{}>{}</a>').format(
            address,
            Markup(' aria-current="page"') if _within(here, address) else NOTHING,
            name,
        )
        for address, name in places
    )


def _within(here: str, address: str) -> bool:
    if address == "/":
        return here == "/" or here.startswith("/cases")
    if address == "/inbox":
        return here.startswith(("/inbox", "/letters"))
    return here.startswith(address)


def _said(shown: Shown) -> Markup:
    if shown.busy:
        return Markup('<span class="busy">{} …</span>').format(shown.busy.capitalize())
    if not shown.said:
        return NOTHING
    kind = "failed" if shown.failed else "done"
    return Markup('<span class="{}">{}</span>').format(kind, shown.said)


def overview_page(view: Overview, mailed: Mailed, words: Words) -> Markup:
    """Return the first page: how it stands, the cases, the newest letters."""
    if view.cases:
        cases = markup.cases_table(view.cases, words, address=CASES)
    else:
        cases = Markup(
            '<p class="empty">No payment has failed yet. Advance a day or two: cards of this'
            ' cast fail from the third day on. Or take a <a href="/customers">customer</a> and'
            " decline the card.</p>"
        )
    newest = mailed[:INBOX_MAX]
    more = (
        Markup('<p class="more"><a href="/inbox">All {}</a></p>').format(
            plural(len(mailed), "letter")
        )
        if len(mailed) > len(newest)
        else NOTHING
    )
    return Markup(
        '{status}<div class="columns"><section class="card" aria-labelledby="cases-title">'
        '<h1 id="cases-title">Cases</h1>{cases}</section>'
        '<section class="card" aria-labelledby="inbox-title"><h2 id="inbox-title">Inbox</h2>'
        "{inbox}{more}</section></div>"
    ).format(status=_status(view), cases=cases, inbox=_inbox_list(newest, words), more=more)


def _status(view: Overview) -> Markup:
    counts, switch = view.counts, view.switch
    stopped = stopped_by_mode(view.mode)
    if switch is not None:
        stopped = switched_off(switch) or stopped
    charging = "not yet" if switch is None else f"NO: {stopped.said}" if stopped else "yes"
    owed = " · ".join(amount_words(money) for money in counts.money)
    sent = view.letter_counts.by_state.get("sent", 0)
    queued = view.letter_counts.by_state.get("queued", 0)
    told = (
        ("Charging", charging),
        ("Waiting", plural(counts.open, "case")),
        ("Held", str(counts.held)),
        ("In review", str(counts.in_review)),
        ("Closed", str(counts.closed)),
        ("Letters", f"{sent} sent, {queued} waiting"),
        ("Owed", owed or "nothing"),
    )
    return Markup('<dl class="status card">{}</dl>').format(
        joined(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*each) for each in told)
    )


def inbox_page(mailed: Mailed, words: Words) -> Markup:
    """Return every letter that arrived, newest first."""
    return Markup(
        '<section class="card narrow" aria-labelledby="title"><h1 id="title">Inbox</h1>'
        '<p class="soft">Every letter to every customer; nothing leaves this machine.</p>'
        "{}</section>"
    ).format(_inbox_list(mailed, words))


def _inbox_list(mailed: Mailed, words: Words) -> Markup:
    if not mailed:
        return Markup('<p class="empty">No letter has gone out yet.</p>')
    return Markup('<ul class="inbox">{}</ul>').format(
        joined(_inbox_line(letter, row, words) for letter, row in mailed)
    )


def _inbox_line(letter: Letter, row: LetterRow | None, words: Words) -> Markup:
    at = NOTHING
    if row is not None and row.sent_at is not None:
        at = markup.time_element(row.sent_at, words)
    return Markup(
        '<li><a href="/letters/{}"><span class="subject" dir="auto">{}</span></a>'
        '<p class="to"><bdi>{}</bdi> · {} · {}</p></li>'
    ).format(letter.number, letter.subject, letter.to, notice_words(letter.notice), at)


def letter_page(letter: Letter, row: LetterRow | None) -> Markup:
    """Return one letter as its reader sees it, with its text and its headers."""
    about = NOTHING
    if row is not None:
        case = markup.case_link(row.case_id, CASES) if row.case_id is not None else None
        customer = Markup('<a href="/customers/{}">the customer</a>').format(row.customer_id)
        about = Markup('<p class="soft">{}{}</p>').format(
            Markup("About case {} · ").format(case) if case is not None else NOTHING, customer
        )
    headers = joined(
        Markup('<div><dt>{}</dt><dd dir="auto">{}</dd></div>').format(name, value)
        for name, value in letter.headers
    )
    return Markup(
        '<article class="card letter"><header><p class="kind">{kind}</p>'
        '<h1 dir="auto">{subject}</h1><p class="to">to <bdi>{to}</bdi></p>{about}</header>{frame}'
        '<div><p class="soft">Links in the letter open in a new tab.</p>'
        "<details open><summary>Plain text</summary><pre>{text}</pre></details>"
        '<details><summary>Headers</summary><dl class="headers">{headers}</dl></details></div>'
        "</article>"
    ).format(
        kind=notice_words(letter.notice) if letter.notice else "Letter",
        subject=letter.subject,
        to=letter.to,
        about=about,
        text=letter.text,
        headers=headers,
        frame=markup.letter_frame(letter, links=True, lazy=False),
    )


def case_page(view: CaseView, person: Person | None, shown: Shown, words: Words) -> Markup:
    """Return a case with its story, and what its customer can do now."""
    line = view.line
    here = CASES.format(case_name(line.id))
    frames = {
        message_id: Markup(
            '<details id="letter-{}"><summary dir="auto">{}</summary>{}'
            '<p><a href="/letters/{}">Open the letter</a></p></details>'
        ).format(
            letter.number, letter.subject, markup.letter_frame(letter, links=True), letter.number
        )
        for message_id, letter in view.letters.items()
    }
    return Markup(
        '<div class="columns wide-first"><article class="card"><header class="case">'
        '<h1>{name} · <bdi>{who}</bdi></h1><p class="facts">{state} {amount}'
        "<span>invoice {invoice}</span></p>{next}</header>{story}</article>{acts}</div>"
    ).format(
        name=case_name(line.id),
        who=line.customer_name or line.customer_id,
        state=markup.state_mark(line.state, line.outcome),
        amount=markup.amount(line.owed),
        invoice=line.invoice_number or line.invoice_id,
        next=_next(line, words),
        story=markup.story(view.entries, words, frames),
        acts=_acts(person, shown, here, words) if person is not None else NOTHING,
    )


def _next(line: CaseLine, words: Words) -> Markup:
    if line.closed_at is not None:
        return NOTHING
    if line.state != "open" or line.next_action_at is None:
        return Markup("<p><strong>Next</strong> {}</p>").format(line.reason or "waits for news")
    return Markup("<p><strong>Next</strong> {}, {}</p>").format(
        line.next_step or "a look", markup.time_element(line.next_action_at, words)
    )


def _acts(person: Person, shown: Shown, here: str, words: Words) -> Markup:
    """Return the customer's side: card, plans, what is owed, and the buttons."""
    plans = joined(_plan(plan, words) for plan in person.plans)
    owed = joined(pay_form(each, shown, here) for each in person.owed)
    return Markup(
        '<aside class="card acts" aria-label="The customer"><h2>Play the customer</h2>'
        '<p><a href="/customers/{id}"><bdi>{name}</bdi></a><br>'
        '<span class="soft">{email}</span></p>'
        "<h3>Card</h3><p>{card}</p>{cards}<h3>Subscriptions</h3><ul>{plans}</ul>"
        "<h3>Open invoices</h3>{owed}</aside>"
    ).format(
        id=person.id,
        name=person.name or person.id,
        email=person.email or "no e-mail address",
        card=person.card or "none on file",
        cards=card_forms(person, shown, here),
        plans=plans or Markup('<li class="soft">none</li>'),
        owed=owed or Markup('<p class="soft">Nothing is owed.</p>'),
    )


def _plan(plan: Plan, words: Words) -> Markup:
    at = (
        Markup("next charge {}").format(markup.time_element(plan.next_charge_at, words))
        if plan.next_charge_at is not None
        else "no charge to come"
    )
    return Markup("<li>{} a {}, {}<br><span class='soft'>{}</span></li>").format(
        amount_words(plan.price), plan.interval, plan.status.replace("_", " "), at
    )


def customers_page(people: Sequence[Person], shown: Shown, words: Words) -> Markup:
    """Return everybody, who is charged next first."""
    rows = (
        (
            Markup('<a href="/customers/{}"><bdi>{}</bdi></a>').format(one.id, one.name or one.id),
            Markup(" · ").join(
                f"{amount_words(plan.price)} a {plan.interval}" for plan in one.plans
            ),
            Markup(", ").join(sorted({plan.status.replace("_", " ") for plan in one.plans})),
            _card(one, shown),
            markup.time_element(one.next_charge_at, words) if one.next_charge_at else "—",
            Markup(" · ").join(amount_words(each.owed) for each in one.owed) or "—",
        )
        for one in people
    )
    heading = ("Customer", "Pays", "Status", "Card", "Next charge", "Owes")
    return Markup(
        '<section class="card" aria-labelledby="title"><h1 id="title">Customers</h1>'
        '<p class="soft">Nobody acts here but you: open one to pay, change the card or have it'
        " declined.</p>{}</section>"
    ).format(markup.table(heading, rows, caption="Customers"))


def _card(person: Person, shown: Shown) -> Markup:
    told = shown.cards.get(person.method_id, "")
    note = Markup('<br><span class="told">{}</span>').format(told) if told else NOTHING
    return Markup("{}{}").format(person.card or "none", note)


def customer_page(
    person: Person, cases: Sequence[CaseLine], mailed: Mailed, shown: Shown, words: Words
) -> Markup:
    """Return one customer: cases, letters, and what they can do."""
    told = (
        markup.cases_table(cases, words, address=CASES)
        if cases
        else Markup('<p class="empty">No payment of this customer has failed.</p>')
    )
    return Markup(
        '<div class="columns wide-first"><section class="card" aria-labelledby="title">'
        '<h1 id="title"><bdi>{}</bdi></h1><h2>Cases</h2>{}<h2>Letters</h2>{}</section>{}</div>'
    ).format(
        person.name or person.id,
        told,
        _inbox_list(mailed, words),
        _acts(person, shown, f"/customers/{person.id}", words),
    )


def missing_page() -> Markup:
    """Return what is shown where there is nothing."""
    return Markup(
        '<section class="card narrow"><h1>There is nothing here</h1>'
        '<p><a href="/">Back to the cases</a></p></section>'
    )
