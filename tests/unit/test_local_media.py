"""Pictures, films and files of the local provider: they open, they fit, they say who made them."""

from io import BytesIO

import av
import pytest
from PIL import ExifTags, Image, ImageChops, ImageStat

from ops import samples
from ops.base.children import DECODE, Children
from schemas.errors import Permanent
from storage.inspect import inspect
from storage.media import facts_of
from workers.pictures import facts, marks, opening
from workers.providers.local import art, edit, files, motion
from workers.providers.local.fonts import bold, writable
from workers.providers.local.moods import dice, scene_of


def opened(data: bytes) -> Image.Image:
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


@pytest.fixture(scope="module")
def photo() -> bytes:
    return samples.photo()


PROMPTS = [
    "sunset over the sea",
    "ночной лес и северное сияние",
    "city at night",
    "desert dunes",
    "galaxy with a planet",
    "meadow of flowers at dawn",
    "заснеженные горы днём",
    "freedom of thought",
    "foggy forest lake in a storm",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_art_is_rich_repeatable_and_depends_on_its_seed(prompt: str) -> None:
    first = art.draw(prompt, 320, 200, 1)
    assert first.size == (320, 200)
    assert len(first.getcolors(320 * 200) or ()) > 2_000
    assert min(ImageStat.Stat(first.convert("L")).stddev) > 15
    assert art.draw(prompt, 320, 200, 1).tobytes() == first.tobytes()
    other = art.draw(prompt, 320, 200, 2)
    assert ImageChops.difference(first, other).getbbox() is not None


@pytest.mark.parametrize("size", [(64, 64), (64, 2048), (2048, 64), (1025, 333)])
def test_art_has_exactly_the_size_asked_for(size: tuple[int, int]) -> None:
    for prompt in ("sea and mountains in winter", "city forest", "space", "meadow desert", "x"):
        assert art.draw(prompt, *size, 3).size == size


def test_art_follows_its_words() -> None:
    def scene(prompt: str) -> tuple[set[str], str]:
        found = scene_of(prompt, dice(prompt, None))
        return set(found.things), found.light

    assert scene("Закат над морем") == ({"sea"}, "sunset")
    assert scene("Город ночью") == ({"city"}, "night")
    assert scene("snowy forests at dawn") == ({"snow", "forest"}, "dawn")
    assert scene("полезный синтез")[0] == {"abstract"}
    night = ImageStat.Stat(art.draw("night sea", 200, 200, 1).convert("L")).mean[0]
    day = ImageStat.Stat(art.draw("sea by day", 200, 200, 1).convert("L")).mean[0]
    assert night < 70
    assert day > 110


def test_art_carries_the_mark_of_an_algorithm() -> None:
    picture = opened(art.draw_png("night sea", 64, 64, None))
    assert picture.format == "PNG"
    assert marks.ALGORITHMIC in picture.info["XML:com.adobe.xmp"]
    assert "not a neural model" in picture.info["Software"]
    assert picture.info["Description"] == "night sea"


def edited(photo: bytes, *operations: dict[str, object]) -> Image.Image:
    data, media_type, width, height = edit.edit(photo, operations)
    picture = opened(data)
    assert Image.MIME[picture.format or ""] == media_type
    assert picture.size == (width, height)
    return picture


def test_crop_and_resize(photo: bytes) -> None:
    crop = {"op": "crop", "left": 0.25, "top": 0.0, "right": 0.75, "bottom": 0.5}
    assert edited(photo, crop).size == (800, 534)
    assert edited(photo, {"op": "resize", "width": 400, "height": None}).size == (400, 267)
    assert edited(photo, {"op": "resize", "width": 100, "height": 300}).size == (100, 300)


def test_a_crop_never_becomes_empty(photo: bytes) -> None:
    thin = {"op": "crop", "left": 0.5, "top": 0.5, "right": 0.50001, "bottom": 0.50001}
    assert edited(photo, thin).size == (1, 1)


def test_tone_and_sharpen_do_what_they_say(photo: bytes) -> None:
    def mean(picture: Image.Image) -> float:
        return ImageStat.Stat(picture.convert("L")).mean[0]

    same = {"op": "tone", "brightness": 1.0, "contrast": 1.0, "saturation": 1.0}
    before = edited(photo, same)
    assert mean(edited(photo, {**same, "brightness": 1.5})) > mean(before) * 1.2
    grey = edited(photo, {**same, "saturation": 0.0}).convert("RGB").resize((64, 64))
    assert max(ImageStat.Stat(grey.convert("HSV").getchannel("S")).mean) < 8
    sharp, soft = BytesIO(), BytesIO()
    edited(photo, {"op": "sharpen", "amount": 3.0}).save(sharp, "PNG", compress_level=1)
    before.save(soft, "PNG", compress_level=1)
    assert facts.measure(sharp.getvalue()).sharpness > facts.measure(soft.getvalue()).sharpness


def test_upscale_stops_at_the_largest_side(photo: bytes) -> None:
    assert edited(photo, {"op": "upscale", "factor": 2}).size == (3200, 2134)
    assert max(edited(photo, {"op": "upscale", "factor": 4}).size) == edit.SIDE_MAX


def test_a_caption_in_russian_is_really_written(photo: bytes) -> None:
    words = "Закат — «ёж» и море"
    font, shown = bold(40, words)
    assert shown == words
    assert writable(font, words) == words
    without = edited(photo, {"op": "crop", "left": 0, "top": 0, "right": 1, "bottom": 1})
    for place, box in (("bottom", (0, 700, 1600, 1067)), ("top", (0, 0, 1600, 360))):
        written = edited(photo, {"op": "caption", "text": words, "place": place})
        changed = ImageChops.difference(without.convert("L"), written.convert("L"))
        assert ImageStat.Stat(changed.crop(box)).mean[0] > 8
        white = written.convert("L").crop(box).point(lambda v: 255 if v > 245 else 0)
        assert ImageStat.Stat(white).mean[0] > 2


def test_a_caption_without_a_writable_letter_is_refused(photo: bytes) -> None:
    with pytest.raises(Permanent) as caught:
        edit.edit(photo, ({"op": "caption", "text": "\U0001f600\U0001f680", "place": "top"},))
    assert (caught.value.code, caught.value.facts["field"]) == ("invalid_input", "caption")


def test_a_long_caption_stays_inside_a_small_picture() -> None:
    out = BytesIO()
    Image.new("RGB", (120, 80), "navy").save(out, "PNG")
    picture = edited(out.getvalue(), {"op": "caption", "text": "word " * 40, "place": "bottom"})
    assert picture.size == (120, 80)


def test_an_edit_drops_places_and_cameras_and_is_marked(photo: bytes) -> None:
    assert Image.open(BytesIO(photo)).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    result = edited(photo, {"op": "sharpen", "amount": 1.0})
    exif = result.getexif()
    assert set(exif) == {ExifTags.Base.Software, ExifTags.Base.ImageDescription}
    assert marks.ENHANCED.encode() in result.info["xmp"]
    assert b"Sample" not in result.info["exif"]


def test_a_turned_photo_comes_out_upright() -> None:
    source = Image.new("RGB", (60, 40), "red")
    source.paste("blue", (0, 0, 20, 40))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    out = BytesIO()
    source.save(out, "JPEG", exif=exif, quality=95)
    result = edited(out.getvalue(), {"op": "sharpen", "amount": 0.1})
    assert result.size == (40, 60)
    assert result.getpixel((20, 5))[2] > 200  # type: ignore[index]
    assert ExifTags.Base.Orientation not in result.getexif()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_kind_of_pixel_can_be_edited(mode: str) -> None:
    grey = Image.linear_gradient("L")
    source = (
        Image.frombytes("I;16", (16, 16), bytes(range(256)) * 2)
        if mode == "I;16"
        else grey.convert("RGB").convert(mode)
    )
    out = BytesIO()
    source.save(out, "JPEG" if mode == "CMYK" else "PNG")
    operations: list[dict[str, object]] = [
        {"op": "tone", "brightness": 1.2, "contrast": 1.1, "saturation": 0.5},
        {"op": "sharpen", "amount": 1.0},
        {"op": "caption", "text": "ok", "place": "top"},
    ]
    assert edited(out.getvalue(), *operations).size == source.size


def test_transparency_survives_an_edit() -> None:
    out = BytesIO()
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(out, "PNG")
    result = edited(out.getvalue(), {"op": "resize", "width": 20, "height": None})
    assert result.mode == "RGBA"
    assert result.getchannel("A").getextrema() == (0, 0)


def test_broken_pictures_are_a_permanent_fault(photo: bytes) -> None:
    for data in (photo[:5_000], b"no picture"):
        with pytest.raises(Permanent) as caught:
            opening.opened(data, 4_096)
        assert caught.value.code == "file_unreadable"


def test_facts_of_a_photo(photo: bytes) -> None:
    found = facts.measure(photo)
    assert (found.width, found.height, found.format) == (1600, 1067, "JPEG")
    assert found.exif == {
        "camera_make": "Sample",
        "camera_model": "Drawn by formula",
        "taken_at": "2026:01:02 03:04:05",
    }
    assert 0.6 < sum(share for _, _, share in found.palette) <= 1.001
    assert "1600 × 1067" in found.text


def test_facts_measure_what_they_name() -> None:
    def of(picture: Image.Image) -> facts.Facts:
        out = BytesIO()
        picture.save(out, "PNG")
        return facts.measure(out.getvalue())

    red = of(Image.new("RGB", (100, 60), (208, 32, 42)))
    assert red.palette == (("red", "#d0202a", 1.0),)
    assert red.sharpness == 0
    assert of(Image.new("RGB", (9, 9), "white")).brightness == 1
    assert of(Image.new("L", (1, 1), 0)).brightness == 0
    checks = Image.new("L", (64, 64))
    checks.putdata([255 * ((x + y) % 2) for y in range(64) for x in range(64)])
    assert of(checks).sharpness > 0.9
    assert "transparent" in of(Image.new("RGBA", (8, 8), (1, 2, 3, 40))).text


def played(data: bytes) -> tuple[list[Image.Image], dict[str, object]]:
    """Every frame of a film, decoded, and what its container says."""
    with av.open(BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        said: dict[str, object] = {
            "codec": stream.codec_context.name,
            "pixels": stream.codec_context.pix_fmt,
            "rate": stream.average_rate,
            "comment": container.metadata["comment"],
        }
        shots = [frame.to_image() for frame in container.decode(stream)]  # type: ignore[no-untyped-call]
        return shots, said


def test_a_film_of_a_prompt_plays_moves_and_is_marked() -> None:
    data, width, height, seconds = motion.film_of_prompt("city by the sea at sunset", 2)
    shots, said = played(data)
    assert (width, height, seconds) == (1280, 720, 2.0)
    assert (said["codec"], said["pixels"], said["rate"]) == ("h264", "yuv420p", 24)
    assert len(shots) == 48
    assert {shot.size for shot in shots} == {(1280, 720)}
    moved = ImageChops.difference(shots[12].convert("L"), shots[-1].convert("L"))
    assert ImageStat.Stat(moved).mean[0] > 3
    assert len(shots[30].getcolors(1280 * 720) or ()) > 2_000
    assert marks.ALGORITHMIC in str(said["comment"])
    assert data.find(b"moov") < data.find(b"mdat")


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ((1600, 1067), (1280, 720)),
        ((900, 1600), (720, 1280)),
        ((1300, 1290), (720, 720)),
        ((300, 200), (640, 360)),
        ((37, 91), (360, 640)),
        ((5, 5), (480, 480)),
    ],
)
def test_a_film_has_the_shape_of_its_picture(size: tuple[int, int], frame: tuple[int, int]) -> None:
    assert motion.frame_for(size) == frame


def test_a_film_of_a_small_picture() -> None:
    pixels = Image.radial_gradient("L").resize((90, 50)).convert("RGB").tobytes()
    data, width, height, _ = motion.film_of_pixels(pixels, (90, 50), 2, "")
    shots, said = played(data)
    assert (len(shots), width, height) == (48, 640, 360)
    assert marks.ENHANCED in str(said["comment"])


def test_pages_of_files() -> None:
    pages = files.pages_of(samples.pdf(), "application/pdf")
    assert [page.splitlines()[0] for page in pages] == [page[0] for page in samples.PDF_PAGES]
    assert files.joined(pages, "application/pdf").startswith("[page 1]\nHow a Leyden jar works")
    text = "слово " * 700
    pages = files.pages_of(text.encode(), "text/plain")
    assert len(pages) == facts_of(text.encode()).pages == 3
    assert files.joined(pages, "text/plain") == text


def test_an_outline_has_headings_or_first_sentences() -> None:
    pages = ["# Title\nbody text here.", "It rained all day. Then it stopped.", "  "]
    assert files.outline(pages).splitlines() == [
        "Page 1",
        "  - Title",
        "Page 2",
        "  - It rained all day",
        "Page 3",
        "  - (no text)",
    ]
    assert files.empty_pages(pages) == ("No text layer on page 3: scans are not read.",)
    assert files.empty_pages(pages[:2]) == ()


def test_a_broken_pdf_is_a_permanent_fault() -> None:
    with pytest.raises(Permanent) as caught:
        files.pages_of(b"%PDF-1.4 rubbish", "application/pdf")
    assert caught.value.code == "file_unreadable"


@pytest.mark.parametrize("kind", [pytest.param("WEBP", marks=pytest.mark.slow), "PNG"])
async def test_the_largest_picture_that_is_let_in_can_be_worked_on(kind: str) -> None:
    out = BytesIO()
    largest = Image.linear_gradient("L").resize((6_000, 4_000)).convert("RGBA")
    largest.save(out, kind, method=0, compress_level=1)
    children = Children(DECODE, slots=1)
    try:
        assert (await inspect(children, out.getvalue())).width == 6_000
        found = await children.run(facts.measure, out.getvalue())
        assert (found.width, found.height) == (6_000, 4_000)
        sharpen: dict[str, object] = {"op": "sharpen", "amount": 1.0}
        _, _, width, _ = await children.run(edit.edit, out.getvalue(), (sharpen,), timeout_s=60)
        assert width == edit.SIDE_MAX
    finally:
        await children.close()
