"""How numbers and names are written for readers."""

from __future__ import annotations

from wslab.core.printable import printable


def short(text: str, longest: int = 36) -> str:
    """Return a name cut to fit a legend or tick, without control characters.

    >>> short("going down for maintenance", 12)
    'going down …'
    """
    shown = printable(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def seconds(value_s: float) -> str:
    """Write a time for readers.

    >>> seconds(0.0123), seconds(0.1), seconds(1.234), seconds(1234.5)
    ('12 ms', '0.1 s', '1.23 s', '1,234 s')
    """
    if abs(value_s) < 0.0995:
        return f"{value_s * 1000:.2g} ms"
    return f"{value_s:.3g} s" if abs(value_s) < 999.5 else f"{value_s:,.0f} s"


def span(low_s: float, high_s: float) -> str:
    """Write a range of times, or one time if both are written alike.

    >>> span(0.5, 1.5), span(1.0, 1.0001)
    ('0.5 s to 1.5 s', '1 s')
    """
    low, high = seconds(low_s), seconds(high_s)
    return low if low == high else f"{low} to {high}"


def kibi(count_bytes: float) -> str:
    """Write a number of bytes in the largest binary unit.

    >>> kibi(512), kibi(65_536), kibi(1.5 * 2**20)
    ('512 B', '64 KiB', '1.5 MiB')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count_bytes >= size:
            return f"{count_bytes / size:g} {unit}"
    return f"{count_bytes:g} B"


def about(count_bytes: float) -> str:
    """Write a measured number of bytes, to three digits.

    >>> about(712), about(182_272), about(1023.9 * 1024)
    ('712 B', '178 KiB', '1,024 KiB')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count_bytes >= size:
            count = count_bytes / size
            return (f"{count:.3g}" if count < 999.5 else f"{count:,.0f}") + f" {unit}"
    return f"{count_bytes:.0f} B"


def ratio(times: float) -> str:
    """Write how many times as large something is.

    >>> ratio(0.053), ratio(1.26), ratio(10_140)
    ('0.05 times', '1.3 times', '10,140 times')
    """
    return f"{times:,.0f} times" if times >= 9.95 else f"{times:.2g} times" if times >= 0.1 else f"{times:.1g} times"


def counted(count: float, thing: str) -> str:
    """Write a whole number of things.

    >>> counted(1, "byte"), counted(65_536, "byte")
    ('1 byte', '65,536 bytes')
    """
    return f"{count:,.0f} {thing}" + ("" if count == 1 else "s")


def of_group(name: str, what: str) -> str:
    """Write a statement about a group, which has no name if it is the only one.

    >>> of_group("crash", "n = 12"), of_group("", "n = 12")
    ('crash: n = 12', 'n = 12')
    """
    return f"{name}: {what}" if name else what
