"""What an invoice's lines come to: discounts, taxes, total."""

from collections.abc import Sequence

from worker.rehearsal.sandbox.world import Obj, World

from . import discounting, taxing


def totals(world: World, invoice: Obj, lines: list[Obj]) -> Obj:
    """Return an invoice's lines and all amounts that follow from them, but for the balance."""
    subtotal = sum(line["amount"] for line in lines)
    discounts = discounting.of_invoice(world, invoice)
    off = discounting.taken_off(world, discounts, subtotal, invoice["currency"])
    total = subtotal - sum(each["amount"] for each in off)
    shown = {
        "discounts": discounts,
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": off,
        "total_excluding_tax": total,
    }
    if taxing.is_automatic(world, invoice):
        lines = [taxing.taxed(world, invoice, each) for each in _discounted(lines, off)]
        taxes = taxing.totals(lines)
        inside = taxing.amount_of(taxes, "inclusive")
        shown |= {
            "automatic_tax": taxing.status(),
            "subtotal_excluding_tax": subtotal - inside,
            "total": total + taxing.amount_of(taxes, "exclusive"),
            "total_excluding_tax": total - inside,
            "total_taxes": taxes,
        }
    return shown | {
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{invoice.get('id', 'upcoming')}/lines",
        }
    }


def _discounted(lines: list[Obj], off: Sequence[Obj]) -> list[Obj]:
    """Return the lines, each with its share of the discounts; rounding goes along the lines."""
    billed = sum(max(0, line["amount"]) for line in lines)
    if not billed:
        return [{**line, "discount_amounts": []} for line in lines]
    found, before = [], 0
    for line in lines:
        after = before + max(0, line["amount"])
        shares = [
            {
                "amount": each["amount"] * after // billed - each["amount"] * before // billed,
                "discount": each["discount"],
            }
            for each in off
        ]
        found.append({**line, "discount_amounts": shares})
        before = after
    return found
