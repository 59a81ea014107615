"""Sample inputs for the demo and the tests: a text with mistakes, a photo-like picture, a PDF.

All are made here, so nothing has to be shipped or downloaded, and each run makes the same bytes.
"""

from functools import cache
from io import BytesIO
from typing import Final

from PIL import ExifTags, Image

from workers.providers.local.art import draw

TEXT_WITH_MISTAKES: Final = (
    "Yesterday i has went to the the office becuase my freind wanted to show me a new projekt.\n"
    "She dont know what to do , but we could of started more earlier. I buyed an new laptop and"
    " their going to recieve a answer tommorow.\n\n"
    "Leyden keeps it's promise: nothing accepted is lost, see https://example.com/teh-page ."
)
TEXT_IN_RUSSIAN: Final = (
    'Вчера мы мы ходили в "Дом книги" - было интересно , но дождь шёл весь день...\n'
    "Ёлка стояла  у окна,и дети смеялись ."
)
PHOTO_PROMPT: Final = "mountain lake at sunset"
PHOTO_SIZE: Final = (1600, 1067)
PDF_PAGES: Final = (
    (
        "How a Leyden jar works",
        "The jar is a glass bottle with metal foil inside and outside.",
        "A charge put on the inner foil pulls the opposite charge to the outer one.",
        "The glass between them keeps the two apart, so the charge stays.",
    ),
    (
        "What it was good for",
        "In 1746 it was the first device that could store electric charge.",
        "Several jars side by side were called a battery.",
        "Today the same idea lives on in every capacitor.",
    ),
)


@cache
def photo() -> bytes:
    """A JPEG with detail and the EXIF fields of a camera, a place among them (to see it removed)."""
    picture = draw(PHOTO_PROMPT, *PHOTO_SIZE, 7)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Sample"
    exif[ExifTags.Base.Model] = "Drawn by formula"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:01:02 03:04:05"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (52.0, 9.0, 36.0)
    out = BytesIO()
    picture.save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()


def pdf(pages: tuple[tuple[str, ...], ...] = PDF_PAGES) -> bytes:
    """A PDF with a page for each row of lines; the first line is its heading. Latin text only."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, lines in enumerate(pages):
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        drawn = _page(lines)
        bodies.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    return _assembled(bodies)


def _page(lines: tuple[str, ...]) -> bytes:
    parts = ["BT", "72 760 Td"]
    for number, line in enumerate(lines):
        safe = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        parts += [f"/F1 {20 if number == 0 else 12} Tf", f"({safe}) Tj", "0 -28 Td"]
    return "\n".join([*parts, "ET"]).encode("cp1252")


def _assembled(bodies: list[bytes]) -> bytes:
    """Numbered objects, the table of their places, and the trailer."""
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(bodies) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)
