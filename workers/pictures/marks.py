"""The mark that a file was made by an algorithm, in the metadata of every format we write.

The source type is IPTC's `algorithmicMedia`: "media created purely by an algorithm not based on any
sampled training data" (IPTC NewsCodes, digitalsourcetype). An edited upload is marked as edited by
an algorithm, `algorithmicallyEnhanced`, because its content is the sender's.
"""

from io import BytesIO
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, PngImagePlugin

SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ALGORITHMIC: Final = f"{SOURCE_TYPES}algorithmicMedia"
ENHANCED: Final = f"{SOURCE_TYPES}algorithmicallyEnhanced"
SOFTWARE: Final = "Leyden"
DESCRIPTION_MAX_CHARACTERS: Final = 500
JPEG_QUALITY: Final = 92

_EXIF_DESCRIPTION: Final = 0x010E
_EXIF_SOFTWARE: Final = 0x0131


def xmp(*, made_by: str, source_type: str) -> bytes:
    """An XMP packet with the source type and the maker."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        f"Iptc4xmpExt:DigitalSourceType={quoteattr(source_type)} "
        f"xmp:CreatorTool={quoteattr(f'{SOFTWARE}, {made_by}')}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def png(
    picture: Image.Image, *, made_by: str, description: str, source_type: str = ALGORITHMIC
) -> bytes:
    """PNG bytes with the mark as XMP and as plain text chunks."""
    info = PngImagePlugin.PngInfo()
    packet = xmp(made_by=made_by, source_type=source_type).decode()
    info.add_itxt("XML:com.adobe.xmp", packet)
    info.add_itxt("Software", f"{SOFTWARE}, {made_by}")
    info.add_itxt("Description", escape(description[:DESCRIPTION_MAX_CHARACTERS]))
    out = BytesIO()
    picture.save(out, "PNG", pnginfo=info, compress_level=6)
    return out.getvalue()


def jpeg(picture: Image.Image, *, made_by: str, description: str, source_type: str) -> bytes:
    """JPEG bytes with the mark as XMP and EXIF; no other EXIF, so no place and no camera."""
    exif = Image.Exif()
    exif[_EXIF_SOFTWARE] = f"{SOFTWARE}, {made_by}"
    exif[_EXIF_DESCRIPTION] = description[:DESCRIPTION_MAX_CHARACTERS]
    out = BytesIO()
    picture.convert("RGB").save(
        out,
        "JPEG",
        quality=JPEG_QUALITY,
        optimize=True,
        exif=exif,
        xmp=xmp(made_by=made_by, source_type=source_type),
    )
    return out.getvalue()
