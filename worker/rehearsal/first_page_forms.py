"""The buttons of the first page: plain forms, which also work without a script."""

from markupsafe import Markup

from worker.rehearsal.first_page_people import Owed, Person
from worker.rehearsal.first_page_play import ACCEPTED, MANNERS, Shown
from worker.rehearsal.report_markup import NOTHING, joined
from worker.rehearsal.report_words import amount_words

STEPS = ((1, "1 hour"), (24, "1 day"), (168, "1 week"))


def clock_form(shown: Shown, here: str) -> Markup:
    """Return the buttons that let time pass."""
    return Markup(
        '<form method="post" action="/advance" class="row" aria-label="Advance the clock">{}'
        '<span class="soft">Advance</span>{}</form>'
    ).format(
        _here(here),
        joined(
            Markup('<button name="hours" value="{}"{}>{}</button>').format(hours, _off(shown), text)
            for hours, text in STEPS
        ),
    )


def card_forms(person: Person, shown: Shown, here: str) -> Markup:
    """Return what can be done to a customer's card: script it, or put a good one in its place."""
    options = joined(
        Markup('<option value="{}">{}</option>').format(name, manner.said)
        for name, manner in MANNERS.items()
        if name != ACCEPTED
    )
    told = shown.cards.get(person.method_id, "")
    note = Markup('<p class="told">From now on: {}.</p>').format(told) if told else NOTHING
    return Markup(
        '{note}<form method="post" action="/decline" class="row">{hidden}'
        '<label for="manner-{id}">What the bank will say</label>'
        '<select id="manner-{id}" name="manner">{options}</select>'
        '<button class="quiet"{off}>Decline this card</button></form>'
        '<form method="post" action="/decline" class="row">{hidden}'
        '<input type="hidden" name="manner" value="{accepted}">'
        '<button class="quiet"{off}>Accept this card</button></form>'
        '<form method="post" action="/new-card" class="row">{hidden}'
        '<button class="quiet"{off}>Change the card to a good one</button>'
        '<a href="{portal}" target="_blank" rel="noopener">Open the customer’s portal</a></form>'
    ).format(
        hidden=_here(here) + _hidden("customer", person.id),
        id=person.id,
        accepted=ACCEPTED,
        options=options,
        off=_off(shown),
        note=note,
        portal=person.portal_url,
    )


def pay_form(owed: Owed, shown: Shown, here: str) -> Markup:
    """Return the button that pays an invoice, and the link to the page where a person would."""
    return Markup(
        '<form method="post" action="/pay" class="row">{hidden}'
        "<button{off}>Pay {amount}</button>"
        '<a href="{url}" target="_blank" rel="noopener">Open the pay page of {number}</a></form>'
    ).format(
        hidden=_here(here) + _hidden("invoice", owed.id),
        off=_off(shown),
        amount=amount_words(owed.owed),
        url=owed.pay_url,
        number=owed.number,
    )


def _here(here: str) -> Markup:
    return _hidden("back", here)


def _hidden(name: str, value: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)


def _off(shown: Shown) -> Markup:
    return Markup(" disabled") if shown.busy else NOTHING
