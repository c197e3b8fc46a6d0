"""The first page of `dunning up`: a small web server on 127.0.0.1 around a play."""

import base64
import hashlib
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from worker.domain.identifiers import parse_case_name
from worker.rehearsal import first_page_views as views
from worker.rehearsal.first_page_people import Person, read_people
from worker.rehearsal.first_page_play import MANNERS, Act, Advance, ChangeCard, Decline, Pay, Play
from worker.rehearsal.first_page_reading import Reading
from worker.rehearsal.report_markup import page_file
from worker.rehearsal.report_words import Words
from worker.web.serving import serving as web_serving

HOST = "127.0.0.1"
HOURS_MAX = 168
FIELDS_MAX = 8
_SCRIPT = re.compile(r"<script>(.*)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FirstPage:
    """Everything that the pages are made of."""

    play: Play
    reading: Reading
    base_url: str
    """Of the sandbox."""
    test_clock: str
    words: Words

    def people(self) -> list[Person]:
        """Return everybody."""
        return read_people(self.base_url, self.test_clock)

    def person(self, customer_id: str) -> Person | None:
        """Return one of them."""
        return next((one for one in self.people() if one.id == customer_id), None)


def build_app(first: FirstPage) -> Starlette:
    """Return the ASGI application; it answers only where it is called by its own address."""
    pages = _Pages(first)
    return Starlette(
        routes=[
            Route("/", pages.overview),
            Route("/cases/{name}", pages.case),
            Route("/inbox", pages.inbox),
            Route("/letters/{number:int}", pages.letter),
            Route("/customers", pages.customers),
            Route("/customers/{id}", pages.customer),
            Route("/pulse", pages.pulse),
            Route("/advance", pages.advance, methods=["POST"]),
            Route("/decline", pages.decline, methods=["POST"]),
            Route("/pay", pages.pay, methods=["POST"]),
            Route("/new-card", pages.new_card, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


class _Pages:
    def __init__(self, first: FirstPage) -> None:
        self.first = first
        self.policy = _content_policy()

    async def pulse(self, _request: Request) -> Response:
        """Answer what the script asks for each second."""
        shown = self.first.play.shown
        return JSONResponse({"version": shown.version, "busy": shown.busy})

    async def overview(self, request: Request) -> Response:
        first = self.first

        def make() -> Markup:
            view = first.reading.overview(first.play.shown.now)
            return views.overview_page(view, first.reading.letters(), first.words)

        return await self._page(request, "Cases", make)

    async def case(self, request: Request) -> Response:
        first = self.first

        def make() -> Markup | None:
            number = parse_case_name(request.path_params["name"])
            view = first.reading.case(number) if number is not None else None
            if view is None:
                return None
            person = first.person(view.line.customer_id)
            return views.case_page(view, person, first.play.shown, first.words)

        return await self._page(request, request.path_params["name"], make)

    async def inbox(self, request: Request) -> Response:
        first = self.first
        return await self._page(
            request, "Inbox", lambda: views.inbox_page(first.reading.letters(), first.words)
        )

    async def letter(self, request: Request) -> Response:
        def make() -> Markup | None:
            for letter, row in self.first.reading.letters():
                if letter.number == request.path_params["number"]:
                    return views.letter_page(letter, row)
            return None

        return await self._page(request, "Letter", make)

    async def customers(self, request: Request) -> Response:
        first = self.first
        return await self._page(
            request,
            "Customers",
            lambda: views.customers_page(first.people(), first.play.shown, first.words),
        )

    async def customer(self, request: Request) -> Response:
        first = self.first

        def make() -> Markup | None:
            person = first.person(request.path_params["id"])
            if person is None:
                return None
            mailed = [
                (letter, row)
                for letter, row in first.reading.letters()
                if row is not None and row.customer_id == person.id
            ]
            cases = first.reading.cases_of(person.id)
            return views.customer_page(person, cases, mailed, first.play.shown, first.words)

        return await self._page(request, "Customer", make)

    async def _page(
        self, request: Request, title: str, make: Callable[[], Markup | None]
    ) -> Response:
        found = await run_in_threadpool(make)
        page = views.page(
            title,
            found if found is not None else views.missing_page(),
            shown=self.first.play.shown,
            words=self.first.words,
            here=request.url.path,
        )
        headers = {
            "Content-Security-Policy": self.policy,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        return HTMLResponse(str(page), 200 if found is not None else 404, headers)

    async def advance(self, request: Request) -> Response:
        """Let some hours pass."""
        return await self._act(request, lambda form: Advance(_hours(form["hours"])))

    async def decline(self, request: Request) -> Response:
        """Tell a card how to behave."""

        def act(form: dict[str, str]) -> Act:
            if form["manner"] not in MANNERS:
                raise ValueError
            return Decline(_stripe_id(form["customer"], "cus_"), form["manner"])

        return await self._act(request, act)

    async def pay(self, request: Request) -> Response:
        """Pay an invoice."""
        return await self._act(request, lambda form: Pay(_stripe_id(form["invoice"], "in_")))

    async def new_card(self, request: Request) -> Response:
        """Put a good card on file."""
        return await self._act(
            request, lambda form: ChangeCard(_stripe_id(form["customer"], "cus_"))
        )

    async def _act(self, request: Request, make: Callable[[dict[str, str]], Act]) -> Response:
        """Ask for an act and go back to the page it came from, which then shows how it goes."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return JSONResponse({"error": "Only this page's own buttons may do that."}, 403)
        try:
            form = dict(
                parse_qsl((await request.body()).decode("ascii"), max_num_fields=FIELDS_MAX)
            )
            act = make(form)
        except (KeyError, ValueError):
            return JSONResponse({"error": "The form is not complete or has a wrong value."}, 400)
        if not self.first.play.ask_for(act):
            return JSONResponse({"error": "Something else is still under way."}, 409)
        return RedirectResponse(_own_path(form.get("back", "/")), 303)


def _hours(text: str) -> int:
    hours = int(text)
    if not 1 <= hours <= HOURS_MAX:
        raise ValueError(text)
    return hours


def _stripe_id(text: str, prefix: str) -> str:
    if not (text.startswith(prefix) and text.isascii() and text.replace("_", "").isalnum()):
        raise ValueError(text)
    return text


def _own_path(path: str) -> str:
    return path if re.fullmatch(r"/(?:[\w-]+/?)*", path, re.ASCII) else "/"


def _content_policy() -> str:
    """Return a policy under which only the one script of ours runs and nothing is fetched."""
    found = _SCRIPT.search(page_file("first_page_script.html"))
    script = found[1] if found is not None else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
        "base-uri 'self'; frame-ancestors 'none'"
    )


@contextmanager
def serving(app: Starlette, sock: socket.socket) -> Iterator[str]:
    """Serve *app* on *sock* in a thread while the context is open; give its address."""
    with web_serving(app, [sock]):
        yield f"http://{HOST}:{sock.getsockname()[1]}"
