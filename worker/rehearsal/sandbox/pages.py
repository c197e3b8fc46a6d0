"""Pages for a person: pay an invoice, change the card, cancel. They leave `by: customer` traces."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from worker.domain.money import Money, wire_decimals

from . import visitors
from .errors import ApiError
from .intervals import iso_date
from .params import decode
from .requestlog import shown
from .world import Cause, Obj, World

if TYPE_CHECKING:
    from .app import Sandbox

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;background:#f5f6f8;color:#1b1f24;margin:0}
main{max-width:30rem;margin:3rem auto;background:#fff;padding:2rem;border-radius:12px;
box-shadow:0 1px 4px #0002}
h1{font-size:1.3rem;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 .5rem}
label{display:block;margin:.6rem 0 .2rem;font-size:.9rem}
input,select{font:inherit;padding:.45rem;border:1px solid #b6bcc4;border-radius:6px;width:100%;
box-sizing:border-box}
.two{display:grid;grid-template-columns:1fr 1fr;gap:.8rem}
button{font:inherit;margin-top:1rem;padding:.55rem 1rem;border:0;border-radius:6px;
background:#3b49df;color:#fff;cursor:pointer;width:100%}
button.plain{background:#e7e9ee;color:#1b1f24}
.note{background:#fdecea;color:#7a1c12;padding:.6rem .8rem;border-radius:6px}
.good{background:#e7f6ec;color:#12522a;padding:.6rem .8rem;border-radius:6px}
small{color:#5b6470}
"""


def routes(sandbox: "Sandbox") -> list[Route]:
    """Return the pages for *sandbox*."""
    pages = _Pages(sandbox)
    return [
        Route("/pay/{invoice}", pages.invoice, methods=["GET", "POST"]),
        Route("/portal/{customer}", pages.portal, methods=["GET", "POST"]),
    ]


class _Pages:
    """The two pages; a POST with `Accept: application/json` is answered with JSON."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox

    async def invoice(self, request: Request) -> Response:
        """Show an invoice or pay it."""
        world = self.sandbox.world
        row = world.get("invoice", request.path_params["invoice"])
        if request.method == "GET":
            return _page(f"Invoice {row['number'] or ''}", _invoice_form(world, row))
        return await self._post(request, lambda form: visitors.pay(world, row, form), row)

    async def portal(self, request: Request) -> Response:
        """Show a customer's billing page or change something there."""
        world = self.sandbox.world
        owner = world.get("customer", request.path_params["customer"])
        if request.method == "GET":
            return _page("Billing", _portal_form(world, owner))

        def run(form: dict[str, str]) -> None:
            if form.get("action") == "cancel":
                visitors.cancel(world, owner, form)
            else:
                visitors.change_card(world, owner, form)

        return await self._post(request, run, owner)

    async def _post(
        self, request: Request, run: Callable[[dict[str, str]], None], row: Obj
    ) -> Response:
        sandbox, world = self.sandbox, self.sandbox.world
        form = decode((await request.body()).decode())
        at = world.wall()
        entry = sandbox.log.begin(by="customer", method="POST", path=request.url.path, at=at)
        entry.update(params=shown(form), business_at=world.now_of(row))
        tried = len(world.tries)
        problem: ApiError | None = None
        with world.acting(Cause("customer")):
            try:
                run(form)
            except ApiError as error:
                problem = error
        entry["status"] = problem.status if problem else 200
        entry["code"] = problem.body.get("code") if problem else None
        entry["charges"] = [try_["charge"] for try_ in world.tries[tried:]]
        return self._answer(request, row, problem)

    def _answer(self, request: Request, row: Obj, problem: ApiError | None) -> Response:
        if "application/json" in request.headers.get("accept", ""):
            if problem:
                return JSONResponse({"error": problem.body}, problem.status)
            return JSONResponse(row)
        if problem is None:
            return RedirectResponse(request.url.path, 303)
        world = self.sandbox.world
        note = f'<p class="note">{escape(str(problem))}</p>'
        form = _invoice_form if row["object"] == "invoice" else _portal_form
        return _page("Billing", note + form(world, row), problem.status)


def _page(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main>{body}"
        "<p><small>This page belongs to the sandbox: no money moves.</small></p>"
        "</main></body></html>",
        status,
    )


def _amount(minor: int, currency: str) -> str:
    major = Money(minor, currency).major
    return f"{major:,.{wire_decimals(currency)}f} {currency.upper()}"


def _card_fields() -> str:
    return (
        '<label for="number">Card number</label><input id="number" name="number" '
        'inputmode="numeric" autocomplete="cc-number" placeholder="4242 4242 4242 4242">'
        '<div class="two"><div><label for="m">Month</label><input id="m" name="exp_month" '
        'inputmode="numeric" value="12"></div><div><label for="y">Year</label>'
        '<input id="y" name="exp_year" inputmode="numeric" value="2034"></div></div>'
    )


def _on_file(method: Obj | None) -> str:
    if method is None:
        return "<p>No payment method on file.</p>"
    details: dict[str, Any] = method[method["type"]]
    name = str(details.get("brand") or method["type"]).replace("_", " ").title()
    ends = (
        f", expires {details['exp_month']:02d}/{details['exp_year']}"
        if "exp_year" in details
        else ""
    )
    return f"<p>{escape(name)} ending in {escape(details['last4'])}{ends}</p>"


def _invoice_form(world: World, row: Obj) -> str:
    owed = _amount(row["amount_remaining"], row["currency"])
    seller, number = escape(world.settings.account_name), escape(row["number"] or "draft")
    head = f"<h1>{seller}: invoice {number}</h1>"
    lines = "".join(
        f"<p>{escape(line['description'] or '')}: {_amount(line['amount'], line['currency'])}</p>"
        for line in row["lines"]["data"]
    )
    if row["status"] == "paid":
        paid = _amount(row["amount_paid"], row["currency"])
        return f'{head}{lines}<p class="good">Paid: {paid}. Thank you.</p>'
    if row["status"] != "open":
        return f"{head}{lines}<p>This invoice is {escape(row['status'])} and cannot be paid.</p>"
    method = visitors.method_on_file(world, world.get("customer", row["customer"]), row)
    button = f'<form method="post"><button class="plain">Pay {owed} with this card</button></form>'
    return (
        f"{head}{lines}<h2>To pay: {owed}</h2>{_on_file(method)}{button if method else ''}"
        f'<h2>Another card</h2><form method="post">{_card_fields()}'
        f"<button>Pay {owed}</button></form>"
    )


def _portal_form(world: World, owner: Obj) -> str:
    parts = [f"<h1>{escape(world.settings.account_name)}: your billing</h1>"]
    parts.append(_on_file(visitors.method_on_file(world, owner)))
    parts.append(f'<h2>Change the card</h2><form method="post">{_card_fields()}'
                 "<button>Save the card</button></form>")  # fmt: skip
    for invoice in visitors.open_invoices(world, owner):
        owed = _amount(invoice["amount_remaining"], invoice["currency"])
        url = escape(invoice["hosted_invoice_url"])
        parts.append(f'<h2>Open invoice</h2><p><a href="{url}">{invoice["number"]}: {owed}</a></p>')
    for sub in world.where("subscription", "customer", owner["id"]):
        status = escape(sub["status"].replace("_", " "))
        end = iso_date(sub["items"]["data"][0]["current_period_end"])
        parts.append(f"<h2>Subscription</h2><p>{status}, until {end}</p>")
        if sub["status"] in ("canceled", "incomplete_expired") or sub["cancel_at_period_end"]:
            continue
        parts.append(
            '<form method="post"><input type="hidden" name="action" value="cancel">'
            f'<input type="hidden" name="subscription" value="{sub["id"]}">'
            '<select name="when"><option value="period_end">at the end of the period</option>'
            '<option value="now">now</option></select>'
            '<button class="plain">Cancel the subscription</button></form>'
        )
    return "".join(parts)
