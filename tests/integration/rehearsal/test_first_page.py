"""The first page of `dunning up`: its pages answer, its buttons work, strangers' do not."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.cli.seeding import NOW, Seeding, seed_story
from tests.integration.rehearsal.playing import Browser, ClockDriver
from tests.unit.rehearsal.report_mails import put_mail
from worker.clock import SystemClock
from worker.domain.policy import Configuration
from worker.errors import ConfigError
from worker.ports import NewVersion
from worker.rehearsal.driver_config import REHEARSED_CONFIG
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.first_page import FirstPage, build_app, serving
from worker.rehearsal.first_page_people import Person, read_people
from worker.rehearsal.first_page_play import Play
from worker.rehearsal.first_page_reading import Reading
from worker.rehearsal.population import START
from worker.rehearsal.population_settling import settle_population
from worker.rehearsal.report import office_zone_in
from worker.rehearsal.report_words import Words
from worker.rehearsal.sandbox.main import start_thread
from worker.services.operate import stop
from worker.settings.load import DUNNING, read_files
from worker.web.serving import take_port

HOSTILE = '"><script>alert(1)</script> {shown}'


@pytest.fixture
def browser(seeding: Seeding, out: Path, configuration: Configuration) -> Iterator[Browser]:
    """Give a browser at a page over six customers; the ledger has the story of `C-1001`."""
    case = seed_story(seeding)
    put_mail(
        out / "mail",
        1,
        message_id=f"<{case}.first.letter@test>",
        subject="We couldn’t take your payment",
        to="ops@blue.example",
        html="<html><head></head><body><a href='http://127.0.0.1/pay'>Pay</a></body></html>",
    )
    words = Words(office_zone_in(out / REHEARSED_CONFIG))
    with start_thread(population=settle_population) as box, take_port(0) as sock:
        client = SandboxClient(box.base_url)
        told = client.control("/_sandbox/population", {"seed": "1", "subscribers": 6})
        play = Play(ClockDriver(client, told["test_clock"], START), client)
        play.begin()
        reading = Reading(seeding.ledger, out / "mail", words)
        first = FirstPage(play, reading, box.base_url, told["test_clock"], words)
        with serving(build_app(first), sock) as address:
            yield Browser(address, play)
        client.close()


def driver_of(browser: Browser) -> ClockDriver:
    """Return the driver behind the page."""
    driver = browser.play.driver
    assert isinstance(driver, ClockDriver)
    return driver


def people_of(browser: Browser) -> list[Person]:
    """Return the customers as Stripe has them."""
    return read_people(browser.play.client.base_url, driver_of(browser).test_clock)


def test_every_page_answers_and_can_be_left_again(browser: Browser) -> None:
    person = people_of(browser)[0]
    pages = ("/", "/inbox", "/customers", f"/customers/{person.id}", "/cases/C-1001", "/letters/1")
    for path in pages:
        answer = browser.get(path)
        assert answer.status == 200, path
        assert 'href="/customers"' in answer.text
        assert "Monday, 19 October 2026" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
    for path in ("/cases/C-9999", "/cases/nonsense", "/letters/99", "/customers/cus_none"):
        assert browser.get(path).status == 404, path


def test_the_overview_has_status_cases_and_letters(browser: Browser) -> None:
    text = browser.get("/").text
    assert "<dt>Charging</dt><dd>yes</dd>" in text
    assert "<dt>Waiting</dt><dd>1 case</dd>" in text
    assert 'href="/cases/C-1001"' in text
    assert 'href="/letters/1"' in text


def test_the_overview_says_in_words_who_stopped_it(browser: Browser, seeding: Seeding) -> None:
    stop(ledger=seeding.ledger, clock=SystemClock(), now=NOW, by="jo", reason="odd declines")
    assert "<dt>Charging</dt><dd>NO: switched off by jo: odd declines</dd>" in browser.get("/").text


def test_the_overview_never_says_yes_in_a_mode_that_does_not_charge(
    browser: Browser, seeding: Seeding
) -> None:
    assert "<dt>Charging</dt><dd>yes</dd>" in browser.get("/").text
    files = dict(read_files(Path("config")))
    for no, (mode, said) in enumerate(
        [
            ("watch", "NO: mode watch plans and logs, it neither charges nor writes"),
            ("letters", "NO: mode letters writes, it never charges"),
            ("live", "yes"),
        ]
    ):
        files[DUNNING] = files[DUNNING].replace("mode: live", f"mode: {mode}", 1)
        with seeding.ledger.begin() as tx:
            current = tx.versions.current()
            after = current.no if current is not None else 0
            new = NewVersion(f"digest {no}", dict(files), by="jo", reason="a trial")
            assert tx.versions.store(new, after=after, now=NOW) is not None
        assert f"<dt>Charging</dt><dd>{said}</dd>" in browser.get("/").text
        files[DUNNING] = files[DUNNING].replace(f"mode: {mode}", "mode: live", 1)
    stop(ledger=seeding.ledger, clock=SystemClock(), now=NOW, by="jo", reason="odd declines")
    assert "<dd>NO: switched off by jo: odd declines</dd>" in browser.get("/").text


def test_a_case_has_its_story_and_a_letter_opens_links_beside_the_page(browser: Browser) -> None:
    story = browser.get("/cases/C-1001").text
    assert "try 1 declined" in story
    assert "insufficient_funds" in story
    letter = browser.get("/letters/1").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in letter
    assert "&lt;base target=&#34;_blank&#34;&gt;" in letter
    assert "Hello in plain text" in letter
    assert "<dt>Message-ID</dt>" in letter


def test_time_advances_and_the_page_shows_it(browser: Browser) -> None:
    before = browser.pulse()["version"]
    browser.act("/advance", hours="24", back="/customers")
    assert driver_of(browser).frozen_at() == START + timedelta(days=1)
    assert "Tuesday, 20 October 2026" in browser.get("/").text
    assert browser.pulse()["version"] != before


def test_a_declined_card_is_declined_once_and_then_forgotten(browser: Browser) -> None:
    person = people_of(browser)[0]
    said = browser.act("/decline", customer=person.id, manner="poor-once")
    assert said.endswith("not enough money, the next time.")
    assert "From now on: not enough money" in browser.get(f"/customers/{person.id}").text
    browser.act("/advance", hours="72")
    tries = browser.play.client.get("/_sandbox/charges", since=0)["charges"]
    assert [one["status"] for one in tries if one["customer"] == person.id] == ["failed"]
    assert browser.play.shown.cards == {}
    owed = next(one for one in people_of(browser) if one.id == person.id).owed
    assert len(owed) == 1
    said = browser.act("/pay", invoice=owed[0].id)
    assert said == f"Invoice {owed[0].number} is paid."


def test_a_changed_card_is_on_file(browser: Browser) -> None:
    person = people_of(browser)[0]
    browser.act("/new-card", customer=person.id)
    changed = next(one for one in people_of(browser) if one.id == person.id)
    assert changed.method_id != person.method_id
    assert changed.card == "Visa ..4242 12/2034"


def test_what_stripe_refuses_is_said(browser: Browser) -> None:
    browser.act("/pay", invoice="in_doesnotexist")
    assert browser.play.shown.failed
    assert "No such invoice" in browser.get("/").text


def test_an_act_on_the_sandboxs_own_page_is_seen_by_the_worker(browser: Browser) -> None:
    driver, person = driver_of(browser), people_of(browser)[0]
    browser.play.step()
    drives = driver.drives
    card = {"number": "4242424242424242", "exp_month": "1", "exp_year": "2035"}
    browser.play.client.post(f"/_sandbox/portal/{person.id}", card)
    browser.play.step()
    assert driver.drives == drives + 1
    browser.play.step()
    assert driver.drives == drives + 1
    assert driver.supervisor.looks == 3


def test_what_a_command_made_due_is_done_without_the_clock(browser: Browser) -> None:
    """`dunning hold` and `release` answer that they count within seconds."""
    driver = driver_of(browser)
    browser.play.step()
    drives, now = driver.drives, driver.now
    driver.due = True
    browser.play.step()
    browser.play.step()
    assert (driver.drives, driver.now) == (drives + 1, now)


def test_one_act_at_a_time(browser: Browser) -> None:
    assert browser.press("/advance", {"hours": "1"}).status == 303
    assert browser.pulse()["busy"] == "time passes"
    page = browser.get("/").text
    assert "Time passes …" in page
    assert '<button name="hours" value="1" disabled>' in page
    assert browser.press("/advance", {"hours": "1"}).status == 409
    browser.play.step()
    assert browser.pulse()["busy"] == ""
    assert driver_of(browser).frozen_at() == START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/advance", {}),
        ("/advance", {"hours": "0"}),
        ("/advance", {"hours": "169"}),
        ("/advance", {"hours": "-1"}),
        ("/advance", {"hours": "many"}),
        ("/pay", {"invoice": "../v1/customers"}),
        ("/pay", {"invoice": "in_1/../x"}),
        ("/new-card", {"customer": "in_1"}),
        ("/decline", {"customer": "cus_1", "manner": "unheard-of"}),
        ("/decline", {"customer": "cus_1"}),
        ("/advance", {f"f{n}": "x" for n in range(20)}),
    ],
)
def test_a_form_with_a_wrong_value_does_nothing(
    browser: Browser, path: str, form: dict[str, str]
) -> None:
    version = browser.pulse()["version"]
    assert browser.press(path, form).status == 400
    assert browser.pulse()["version"] == version


def test_other_sites_can_neither_act_nor_read(browser: Browser) -> None:
    strange = {"Sec-Fetch-Site": "cross-site"}
    assert browser.press("/advance", {"hours": "1"}, headers=strange).status == 403
    assert browser.get("/", Host="evil.example").status == 400
    assert browser.pulse()["busy"] == ""


@pytest.mark.parametrize(
    ("back", "lands"),
    [
        ("/customers/cus_1", "/customers/cus_1"),
        ("//evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_a_form_goes_back_only_to_a_page_of_its_own(
    browser: Browser, back: str, lands: str
) -> None:
    assert browser.press("/advance", {"hours": "1", "back": back}).headers["location"] == lands


def test_a_hostile_name_is_shown_and_does_nothing(browser: Browser) -> None:
    row = browser.play.client.post(
        "/v1/customers", {"name": HOSTILE, "test_clock": driver_of(browser).test_clock}
    )
    for path in ("/customers", f"/customers/{row['id']}"):
        text = browser.get(path).text
        assert "alert(1)&lt;/script&gt; {shown}" in text
        assert len(re.findall("<script", text)) == 1  # our own
    said = browser.act("/decline", customer=row["id"], manner="poor")
    assert said == "This customer has no card on file; change the card first."


def test_a_port_in_use_is_one_sentence() -> None:
    with take_port(0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(ConfigError) as told:
            take_port(port)
    assert str(told.value) == (
        f"Port {port} on 127.0.0.1 is in use: choose another one with --port, or 0 for any free"
        " one."
    )
    with pytest.raises(ConfigError, match="cannot be used"):
        take_port(70000)
