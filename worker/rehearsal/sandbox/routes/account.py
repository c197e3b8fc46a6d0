"""/v1/account and /v1/billing_portal/sessions."""

from worker.rehearsal.sandbox.params import Spec, need, nested, one_of, text
from worker.rehearsal.sandbox.routing import Call, get, post
from worker.rehearsal.sandbox.shapes import customer as shape
from worker.rehearsal.sandbox.world import Obj


def retrieve(call: Call) -> Obj:
    """Return the account."""
    settings = call.world.settings
    return {
        "id": "acct_1Sandbox",
        "object": "account",
        "business_profile": {"name": settings.account_name, "url": None, "support_email": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": settings.account_country,
        "created": 1_500_000_000,
        "default_currency": settings.default_currency,
        "details_submitted": True,
        "email": None,
        "livemode": False,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": settings.account_name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def open_portal(call: Call) -> Obj:
    """Create a portal session; its url is a page of this server."""
    need(call.params, "customer")
    owner = call.world.get("customer", call.params["customer"], param="customer")
    return call.world.add(shape.portal_session(call.world, owner, call.params))


_FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update")
_PORTAL: Spec = {
    "configuration": text,
    "customer": text,
    "flow_data": nested(
        {
            "subscription_cancel": nested({"subscription": text}),
            "subscription_update": nested({"subscription": text}),
            "type": one_of(*_FLOWS),
        }
    ),
    "locale": text,
    "return_url": text,
}
ROUTES = [
    get("/v1/account", retrieve, "account"),
    post("/v1/billing_portal/sessions", open_portal, "billing_portal.session", _PORTAL),
]
