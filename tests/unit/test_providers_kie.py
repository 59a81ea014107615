"""Records of kie.ai's three families, as documented and as broken as they may come."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.base.clock import unix_s
from schemas.catalogue import catalogue
from schemas.errors import Permanent
from workers.providers.kie.adapter import fields_of
from workers.providers.kie.families import FAMILIES, family_of, read_job, read_runway, read_veo
from workers.providers.kie.forms import FORMS, form_of

URL = "https://tempfile.aiquickdraw.com/1.mp4"
READERS = (read_job, read_veo, read_runway)


def test_a_finished_job() -> None:
    created_ms = (unix_s() - 40) * 1000
    record = read_job(
        {
            "taskId": "t",
            "state": "success",
            "resultJson": f'{{"resultUrls": ["{URL}"]}}',
            "creditsConsumed": 4,
            "createTime": created_ms,
            "param": '{"callBackUrl": "https://x.example/1"}',
        }
    )
    assert (record.phase, record.links, record.cost_usd_micros) == ("done", (URL,), 20_000)
    assert record.callback_url == "https://x.example/1"
    assert record.age_s is not None
    assert 30 < record.age_s < 60


@pytest.mark.parametrize(
    ("state", "phase", "moving"),
    [("waiting", "running", False), ("queuing", "running", False), ("generating", "running", True),
     ("", "running", False), ("fail", "failed", False)],
)  # fmt: skip
def test_states_of_a_job(state: str, phase: str, moving: bool) -> None:
    record = read_job({"state": state, "progress": "48", "failCode": "422", "failMsg": "bad"})
    assert (record.phase, record.moving, record.progress) == (phase, moving, 0.48)
    assert (record.code, record.told) == (422, "bad")


def test_veo_and_runway() -> None:
    veo = read_veo({"successFlag": 1, "response": {"resultUrls": [URL]}})
    assert (veo.phase, veo.links, veo.cost_usd_micros) == ("done", (URL,), None)
    assert read_veo({"successFlag": 0, "progress": "0.48"}).progress == 0.48
    assert [read_veo({"successFlag": flag}).phase for flag in (2, 3)] == ["failed", "failed"]
    runway = read_runway({"state": "success", "videoInfo": {"videoUrl": URL}})
    assert (runway.phase, runway.links) == ("done", (URL,))
    assert read_runway({"state": "queueing"}).phase == "running"


@pytest.mark.parametrize(
    "broken", [None, "", "{", "[]", "null", '{"resultUrls": "x"}', '{"resultUrls": [1]}', 5, [], {}]
)
def test_a_broken_result_is_a_finished_task_without_links(broken: Any) -> None:
    assert read_job({"state": "success", "resultJson": broken}).links == ()
    assert read_veo({"successFlag": 1, "response": broken}).links == ()
    assert read_runway({"state": "success", "videoInfo": broken}).links == ()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = (
    "state", "successFlag", "resultJson", "response", "videoInfo", "progress", "createTime",
    "creditsConsumed", "failCode", "failMsg", "param", "errorCode", "generateTime",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING))
def test_no_record_breaks_its_reader(data: dict[str, Any]) -> None:
    for read in READERS:
        record = read(data)
        assert record.progress is None or 0 <= record.progress <= 1
        assert record.cost_usd_micros is None or record.cost_usd_micros >= 0
        assert record.age_s is None or record.age_s >= 0


def test_the_table_and_the_catalogue_name_the_same_models() -> None:
    rows = {row.model: row for row in catalogue().models if row.provider == "kie"}
    assert set(FORMS) <= set(rows)
    for row in rows.values():
        assert family_of(row) in FAMILIES.values()
        if row.modality == "edit" or "edit" in row.ops:
            assert row.refs_field
        if "i2v" in row.ops:
            assert row.refs_field or form_of(row.model).pictures
        if row.modality == "video" and len(row.seconds) > 1:
            assert form_of(row.model).length is not None


def test_a_family_that_we_cannot_read_is_an_unknown_model() -> None:
    row = next(row for row in catalogue().models if row.provider == "kie")
    with pytest.raises(Permanent) as caught:
        family_of(row.model_copy(update={"family": "flux"}))
    assert caught.value.code == "unknown_model"


def test_fields_in_the_words_of_a_model() -> None:
    assert fields_of(form_of("nano-banana-2"), prompt="sea", size=(2_048, 1_152)) == {
        "prompt": "sea",
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "output_format": "png",
    }
    assert fields_of(form_of("nobody"), prompt="sea", size=(64, 64)) == {
        "prompt": "sea",
        "aspect_ratio": "1:1",
    }
    assert fields_of(form_of("recraft/crisp-upscale"), prompt="sea", size=(64, 64)) == {}
