"""Stripe's words that files may name: types of payment methods, brands of cards.

Both lists are open at Stripe, so a word that is missing here draws advice, not a refusal. Source:
PaymentMethod.type and card.brand of the Stripe SDK 16; a test compares them.
"""

METHOD_TYPES = tuple(
    """
    acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact
    billie bizum blik boleto card card_present cashapp crypto custom customer_balance eps fpx
    giropay grabpay ideal interac_present kakao_pay klarna konbini kr_card link mb_way mobilepay
    multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow paypal paypay payto pix
    promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish twint
    upi us_bank_account wechat_pay zip
    """.split()
)

BRANDS = tuple(
    """
    amex cartes_bancaires diners discover eftpos_au jcb link mastercard unionpay visa unknown
    """.split()
)
