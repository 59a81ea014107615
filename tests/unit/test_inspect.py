"""Uploaded files: what is let in, what is refused with which code, and bombs that never go off."""

import struct
import zipfile
import zlib
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from PIL import Image
from pypdf import PdfWriter

from ops import samples
from ops.base.children import DECODE, MIB, Children, Profile
from schemas.errors import InvalidInput
from storage.inspect import FileFacts, inspect, inspect_bytes


def picture(kind: str, size: tuple[int, int] = (64, 48)) -> bytes:
    out = BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind)
    return out.getvalue()


def animation(kind: str, size: tuple[int, int], frames: int) -> bytes:
    shots = [Image.new("RGB", size, (n * 30, 255 - n * 30, 90)) for n in range(frames)]
    out = BytesIO()
    shots[0].save(out, kind, save_all=True, append_images=shots[1:])
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A valid one-colour PNG of any size, in a few kilobytes, made without ever holding its
    pixels.
    """

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif_bomb(width: int, height: int, frames: int) -> bytes:
    """Frames of one pixel each on a wide screen: a few bytes a frame, a whole canvas to decode."""
    head = struct.pack("<6sHHBBB", b"GIF89a", width, height, 0x80, 0, 0) + bytes(3) + b"\xff" * 3
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return head + frame * frames + b"\x3b"


def code_of(data: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        inspect_bytes(data)
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_pictures_of_every_allowed_type(kind: str, media_type: str) -> None:
    data = picture(kind)
    assert inspect_bytes(data) == FileFacts(media_type, len(data), 64, 48, frames=1)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_frames_of_an_animation_are_counted(kind: str) -> None:
    assert inspect_bytes(animation(kind, (32, 20), 7)).frames == 7


def test_pages_of_documents() -> None:
    assert inspect_bytes(samples.pdf()) == FileFacts("application/pdf", len(samples.pdf()), pages=2)
    text = "ё" * 1800
    assert inspect_bytes(text.encode()).pages == 1
    assert inspect_bytes((text + "!").encode()).pages == 2
    assert inspect_bytes(b"\xef\xbb\xbfhello").media_type == "text/plain"


@pytest.mark.parametrize(
    "data",
    [
        picture("BMP"),
        picture("TIFF"),
        b"\x00\x01\x02\x03 binary",
        b"caf\xe9 in another encoding",
        "текст".encode("utf-16"),
        b"   \n\t ",
        b"MZ\x90\x00 a program",
        b"\x1b[2J\x07 terminal tricks",
    ],
)
def test_other_types_are_refused(data: bytes) -> None:
    assert code_of(data) == "wrong_file_type"


def test_a_zip_that_says_it_is_a_picture_is_refused() -> None:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("picture.png", picture("PNG"))
    assert code_of(out.getvalue()) == "wrong_file_type"


def test_an_empty_file_is_unreadable() -> None:
    assert code_of(b"") == "file_unreadable"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_truncated_pictures_are_unreadable(kind: str) -> None:
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    out = BytesIO()
    noise.save(out, kind)
    data = out.getvalue()
    assert code_of(data[: len(data) // 2]) == "file_unreadable"
    assert code_of(data[:20]) == "file_unreadable"


@pytest.mark.parametrize("mark", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"%PDF-1.7\n"])
def test_a_mark_with_rubbish_behind_it_is_unreadable(mark: bytes) -> None:
    assert code_of(mark + b"rubbish " * 50) == "file_unreadable"


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_bomb(13_000, 13_000)
    assert len(bomb) < 100_000
    with pytest.raises(InvalidInput) as caught:
        inspect_bytes(bomb)
    assert caught.value.code == "media_too_heavy"
    assert caught.value.facts["pixels"] == 169_000_000


def test_a_picture_at_the_limit_is_let_in_and_one_row_more_is_not() -> None:
    assert inspect_bytes(png_bomb(6_000, 4_000)).width == 6_000
    assert code_of(png_bomb(6_000, 4_001)) == "media_too_heavy"


def test_many_frames_are_too_heavy_together() -> None:
    assert inspect_bytes(gif_bomb(1_500, 1_000, 133)).frames == 133
    bomb = gif_bomb(1_500, 1_000, 134)
    assert len(bomb) < 3_000
    with pytest.raises(InvalidInput) as caught:
        inspect_bytes(bomb)
    assert (caught.value.code, caught.value.facts["frames"]) == ("media_too_heavy", 134)


def test_an_encrypted_pdf_is_unreadable() -> None:
    writer = PdfWriter(clone_from=BytesIO(samples.pdf()))
    writer.encrypt("secret", algorithm="AES-128")
    out = BytesIO()
    writer.write(out)
    with pytest.raises(InvalidInput) as caught:
        inspect_bytes(out.getvalue())
    assert (caught.value.code, caught.value.facts["reason"]) == ("file_unreadable", "encrypted")


def test_a_truncated_pdf_is_unreadable() -> None:
    assert code_of(samples.pdf()[:200]) == "file_unreadable"


def test_two_hundred_pages_are_let_in_and_one_more_is_not() -> None:
    assert inspect_bytes(samples.pdf(samples.PDF_PAGES * 100)).pages == 200
    with pytest.raises(InvalidInput) as caught:
        inspect_bytes(samples.pdf(samples.PDF_PAGES * 100 + samples.PDF_PAGES[:1]))
    assert (caught.value.code, caught.value.facts["pages"]) == ("too_many_pages", 201)
    assert code_of(b"a" * (200 * 1800 + 1)) == "too_many_pages"


@pytest.fixture
async def decode() -> AsyncIterator[Children]:
    children = Children(DECODE, slots=1)
    yield children
    await children.close()


async def test_the_child_says_the_same_as_the_function(decode: Children) -> None:
    assert await inspect(decode, picture("PNG")) == inspect_bytes(picture("PNG"))
    with pytest.raises(InvalidInput) as caught:
        await inspect(decode, b"\x00\x00")
    assert caught.value.code == "wrong_file_type"
    with pytest.raises(InvalidInput) as caught:
        await inspect(decode, b"a" * (200 * 1800 + 1))
    assert caught.value.code == "too_many_pages"


async def test_the_largest_picture_fits_under_the_cap_of_a_child(decode: Children) -> None:
    out = BytesIO()
    Image.linear_gradient("L").resize((6_000, 4_000)).convert("RGBA").save(
        out, "PNG", compress_level=1
    )
    assert (await inspect(decode, out.getvalue())).width == 6_000


async def test_what_takes_too_long_is_too_heavy() -> None:
    impatient = Children(Profile("impatient", 512 * MIB, 0.001, 10), slots=1)
    try:
        with pytest.raises(InvalidInput) as caught:
            await inspect(impatient, png_bomb(6_000, 4_000))
    finally:
        await impatient.close()
    assert caught.value.code == "media_too_heavy"
    assert caught.value.facts["reason"] == "child_timeout"
