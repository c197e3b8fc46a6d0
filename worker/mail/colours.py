"""Readable text on a brand's colour (WCAG 2.2, contrast ratio)."""

WHITE, DARK = "#ffffff", "#14171a"
CONTRAST_MIN = 4.5


def text_colour_on(background: str) -> str:
    """Return white if it is readable on *background* (`#rgb` or `#rrggbb`), else near-black."""
    return WHITE if contrast(background, WHITE) >= CONTRAST_MIN else DARK


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 (the same) to 21 (black and white).

    Source: WCAG 2.2, definitions of contrast ratio and relative luminance.
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    channels = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
