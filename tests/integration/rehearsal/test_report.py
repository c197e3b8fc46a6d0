"""report.html says what the ledger says, and nothing in it can run or be fetched."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.integration.cli.seeding import NOW, Seeding, seed_story
from tests.unit.rehearsal.report_mails import put_mail
from worker.domain.case import CaseState, Outcome, RecoveredBy
from worker.domain.decisions import Close, Decision
from worker.errors import ConfigError
from worker.ports import CaseChange
from worker.rehearsal.report import write_report

HOSTILE = (
    '"><script>alert(1)</script><img src="http://evil.example/x" onerror="alert(2)"> & {0} {style}'
)
LETTER = '<!DOCTYPE html><html><head></head><body><p class="a">Pay €49.00</p></body></html>'


class Page(HTMLParser):
    """A page's elements, and its text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.ids: set[str] = set()
        self._style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        self._style = tag == "style"
        if found.get("id"):
            self.ids.add(str(found["id"]))

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Everything a reader sees, spaces as one."""
        return " ".join(" ".join(self.texts).split())

    def having(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every *tag*."""
        return [attrs for name, attrs in self.elements if name == tag]


def recover(seeding: Seeding, case_id: int) -> None:
    """Close a case as paid by a retry."""
    decision = Decision(Close(Outcome.RECOVERED, "paid: retry"), "paid", "try 2 went through.")
    change = CaseChange(
        state=CaseState.CLOSED,
        outcome=Outcome.RECOVERED,
        reason="paid: retry",
        recovered_by=RecoveredBy.RETRY,
        closed_at=NOW,
    )
    seeding.decide(case_id, decision, NOW, change=change)


@pytest.fixture
def page(seeding: Seeding, out: Path, migrated_database_url: str) -> Page:
    """Give the report on one case that waits, one of a hostile customer, one that was paid."""
    story = seed_story(seeding)
    put_mail(
        out / "mail",
        1,
        message_id=f"<{story}.first.letter@test>",
        subject="We couldn’t take your payment of €49.00",
        to="ops@blue.example",
        html=LETTER,
    )
    seeding.customer(43, name=HOSTILE, email="x@evil.example", country="DE")
    seeding.case(43, amount_minor=1234, currency="usd", invoice=99)
    seeding.customer(44, name="Paid Up", email="p@example.com", country="DE")
    recover(seeding, seeding.case(44, amount_minor=5000, currency="jpy", invoice=100))
    seeding.case(44, amount_minor=700, currency="jpy", invoice=101)
    return Page(write_report(out, database_url=migrated_database_url).read_text())


def test_the_figures_are_those_of_the_summary(page: Page) -> None:
    assert "Payments failed 4 beside 31 renewals" in page.text
    assert "Retries 9" in page.text
    assert "Letters 4 2 kinds" in page.text
    assert "Subscriptions lost 3 2 unpaid, 1 by choice" in page.text
    assert "Nothing is wrong." in page.text
    assert "0 invoices charged twice" in page.text


def test_money_is_told_by_what_recovered_it_and_never_summed_over_currencies(page: Page) -> None:
    assert "a retry 1 JP¥4,800 All together 1 JP¥4,800" in page.text


def test_each_case_stands_in_the_table_and_links_to_its_story(page: Page) -> None:
    links = {str(a["href"]) for a in page.having("a") if str(a.get("href", "")).startswith("#C-")}
    assert links == {"#C-1001", "#C-1002", "#C-1003", "#C-1004"}
    assert {link[1:] for link in links} <= page.ids
    assert "C-1001 waiting €49.00 Blue Studio insufficient funds" in page.text


def test_a_story_tells_acts_and_non_acts_in_order_with_reasons(page: Page) -> None:
    told = page.text[page.text.index("C-1001 · Blue Studio") :]
    order = [
        "Tue 1 Dec 08:02 payment failed insufficient_funds: not enough money",
        "Tue 1 Dec 12:02 first letter waits Payment failed, first letter. Letters go out",
        "Wed 2 Dec 02:00 first letter sent",
        "Wed 2 Dec 08:19 try 1 declined Mastercard ..0044 · insufficient_funds",
        "Waits for try 2: moved to the earliest allowed time",
        "Fri 4 Dec 08:02 second letter sent",
        "Sat 5 Dec 08:20 try 2 not made A later step is due as well and takes its place.",
    ]
    places = [told.find(line) for line in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_cases_of_one_customer_name_each_other(page: Page) -> None:
    assert "Other cases of this customer: C-1004" in page.text
    assert "Other cases of this customer: C-1003" in page.text


def test_a_recovered_case_says_by_whom(page: Page) -> None:
    assert "closed: recovered by a retry Try 2 went through." in page.text


def test_a_letter_is_shut_in_a_frame_that_can_do_nothing(page: Page) -> None:
    frames = page.having("iframe")
    assert len(frames) == 2  # in the gallery and in its story
    assert all(frame["sandbox"] == "" for frame in frames)
    assert all('<p class="a">Pay €49.00</p>' in str(frame["srcdoc"]) for frame in frames)


def test_nothing_is_fetched_and_nothing_runs(page: Page) -> None:
    assert page.having("script") == page.having("link") == page.having("img") == []
    assert all("src" not in attrs for _, attrs in page.elements)
    assert all(not name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert all(str(a.get("href", "#")).startswith("#") for a in page.having("a"))
    [policy] = [m["content"] for m in page.having("meta") if m.get("http-equiv")]
    assert str(policy).startswith("default-src 'none';")


def test_a_hostile_name_is_shown_as_it_is(page: Page) -> None:
    assert page.text.count(" ".join(HOSTILE.split())) >= 2


def test_a_broken_check_is_said_loudly(
    seeding: Seeding, out: Path, migrated_database_url: str
) -> None:
    seed_story(seeding)
    summary = out / "summary.json"
    summary.write_text(summary.read_text().replace('"letters_twice": 0', '"letters_twice": 2'))
    page = Page(write_report(out, database_url=migrated_database_url).read_text())
    assert "Something is wrong." in page.text
    assert [li for li in page.having("li") if li.get("class") == "some"]


def test_without_cases_and_letters_it_is_still_a_page(
    seeding: Seeding, out: Path, migrated_database_url: str
) -> None:
    summary = json.loads((out / "summary.json").read_text())
    summary["recovered"] = {"count": 0, "by": {}, "by_amounts": {}, "amounts": []}
    (out / "summary.json").write_text(json.dumps(summary))
    page = Page(write_report(out, database_url=migrated_database_url).read_text())
    assert "20 days of dunning" in page.text
    assert "All together 0" in page.text


def test_without_a_summary_a_sentence_says_what_to_do(
    seeding: Seeding, tmp_path: Path, migrated_database_url: str
) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: run `make demo` first"):
        write_report(tmp_path, database_url=migrated_database_url)
