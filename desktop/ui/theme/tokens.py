"""The colours of the window by meaning; every text pair has a contrast of at least 4.5 : 1."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """Colours as #RRGGBB. `raised` surfaces also get a line of one pixel."""

    name: str
    dark: bool
    window: str
    surface: str
    raised: str
    line: str
    line_strong: str
    text: str
    secondary: str
    disabled: str
    accent: str
    on_accent: str
    tint: str
    info: str
    warning: str
    error: str
    series: tuple[str, ...]

    @property
    def hover(self) -> str:
        """The surface under the pointer."""
        return mixed(self.surface, self.text, 0.06)


def mixed(first: str, second: str, share: float) -> str:
    """`first` with `share` (0..1) of `second` in it, channel by channel in sRGB."""
    a = [int(first[n : n + 2], 16) for n in (1, 3, 5)]
    b = [int(second[n : n + 2], 16) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02X}" for x, y in zip(a, b, strict=True))


def contrast(first: str, second: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


LIGHT = Tokens(
    name="light",
    dark=False,
    window="#F6F7F8",
    surface="#FFFFFF",
    raised="#FFFFFF",
    line="#E1E4E8",
    line_strong="#C4CAD1",
    text="#1A1D21",
    secondary="#59626D",
    disabled="#9AA3AD",
    accent="#1B7653",
    on_accent="#FFFFFF",
    tint="#E5F3EC",
    info="#1F5FA8",
    warning="#8A5A00",
    error="#B3261E",
    series=("#1B7653", "#1F5FA8", "#B5611A", "#7A4BB5", "#0F7D86", "#B3376A"),
)

DARK = Tokens(
    name="dark",
    dark=True,
    window="#14171A",
    surface="#1B1F23",
    raised="#22272C",
    line="#2C3238",
    line_strong="#414952",
    text="#E7EAED",
    secondary="#A3ACB6",
    disabled="#66707A",
    accent="#4CC38A",
    on_accent="#0C1F16",
    tint="#17352A",
    info="#7DB4F0",
    warning="#E5B454",
    error="#F2877F",
    series=("#4CC38A", "#7DB4F0", "#E59A5C", "#B794E6", "#4FC4CE", "#E67FA8"),
)

CONTRAST_LIGHT = Tokens(
    name="contrast_light",
    dark=False,
    window="#FFFFFF",
    surface="#FFFFFF",
    raised="#FFFFFF",
    line="#595959",
    line_strong="#000000",
    text="#000000",
    secondary="#2E2E2E",
    disabled="#5C5C5C",
    accent="#00512F",
    on_accent="#FFFFFF",
    tint="#DDF2E6",
    info="#003F80",
    warning="#5C3B00",
    error="#8A0F0A",
    series=("#00512F", "#003F80", "#7A3600", "#4B1F87", "#00555C", "#7F0F45"),
)

CONTRAST_DARK = Tokens(
    name="contrast_dark",
    dark=True,
    window="#000000",
    surface="#000000",
    raised="#0A0A0A",
    line="#A6A6A6",
    line_strong="#FFFFFF",
    text="#FFFFFF",
    secondary="#E0E0E0",
    disabled="#A6A6A6",
    accent="#7DF0B5",
    on_accent="#000000",
    tint="#0F3B28",
    info="#A8D0FF",
    warning="#FFD37A",
    error="#FFB3AD",
    series=("#7DF0B5", "#A8D0FF", "#FFC08A", "#D9C2FF", "#8AF0F7", "#FFB3D1"),
)
