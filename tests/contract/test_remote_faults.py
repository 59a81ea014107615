"""Each fault of the sandbox's dial, on each capability of each remote adapter that can meet it.

The sandbox's journal is the witness: what an adapter calls unsold was not sold, what it calls paid
was, and whatever happens, one intent is one request. The short form meets each fault and each
capability, `--long` every pair of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from schemas.errors import JobFault
from schemas.providers import provider_book
from schemas.texts import error_text, has
from tests.contract.stage import Case, Notebook, Stage, case, named
from workers.providers.guard.verdicts import verdict_of
from workers.providers.journal import Parked
from workers.providers.openai import adapter as openai
from workers.providers.port import ImageAnswer, TextAnswer, VideoAnswer
from workers.providers.wire import Account
from workers.providers.wire_faults import PAUSE_UNTOLD_S

ORDER_CASES = named(
    "openai text", "openai stream", "openai sight", "openai image", "openai edit",
    "openrouter text", "openrouter stream", "openrouter image", "openrouter edit", "openrouter film",
    "kie image", "kie edit", "kie film", "kie veo", "kie runway",
)  # fmt: skip
TASK_CASES = [each for each in ORDER_CASES if each.operation == "task"]
CHAT_CASES = [each for each in ORDER_CASES if each.operation == "chat" and "edit" not in each.name]


def name_of(each: Any) -> str:
    return str(getattr(each, "name", each))


@dataclass(frozen=True)
class Meets:
    """A fault at the counter, and what must come of it. `book` is what the journal ends with."""

    fault: str
    code: str
    book: str
    retryable: bool = False
    value: str | None = None
    seconds: float = 20.0
    pause_s: float | None = None

    @property
    def name(self) -> str:
        return f"{self.fault}={self.value}" if self.value else self.fault


OPEN = "intend"
COUNTER = (
    Meets("rate_limited", "rate_limited", "unsold", retryable=True, value="7", pause_s=7),
    Meets("insufficient_quota", "quota_exhausted", "unsold"),
    Meets("payment_required", "quota_exhausted", "unsold"),
    Meets("server_error", "provider_unavailable", "unsold", retryable=True, value="500"),
    Meets("server_error", "provider_unavailable", "unsold", retryable=True, value="503"),
    Meets("server_error", "provider_unknown", OPEN, retryable=True, value="504"),
    Meets(
        "server_error", "provider_unavailable", "unsold", retryable=True, value="503:7", pause_s=7
    ),
    Meets("server_error", "provider_unknown", OPEN, retryable=True, value="504:7", pause_s=7),
    Meets("server_error", "provider_unknown", OPEN, retryable=True, value="524:7", pause_s=7),
    Meets("payment_required", "quota_exhausted", "unsold", value="1200", pause_s=1200),
    Meets("error_in_200", "provider_unavailable", "unsold", retryable=True, value="502"),
    Meets("blocked_agent", "provider_unavailable", "unsold"),
    Meets("reset", "provider_unknown", OPEN, retryable=True, value="before"),
    Meets("reset", "provider_unknown", OPEN, retryable=True, value="after"),
    Meets("reset", "provider_unknown", OPEN, retryable=True, value="mid"),
    Meets("hang", "provider_unknown", OPEN, retryable=True, value="before", seconds=1.5),
    Meets("hang", "provider_unknown", OPEN, retryable=True, value="after", seconds=1.5),
    Meets("truncated_json", "provider_unknown", OPEN, retryable=True),
    Meets("garbage", "provider_unknown", OPEN, retryable=True),
    Meets("oversize", "provider_unknown", OPEN, retryable=True),
)
STREAM_SURVIVES = ("oversize",)
"""What comes after the `[DONE]` of a stream is not read as its answer."""


def crossed(cases: Sequence[Case], faults: Sequence[Meets], *, every: int) -> pytest.MarkDecorator:
    """Each fault on each case; the short form takes one pair in `every`, so that each of both is met."""
    pairs = [
        pytest.param(
            wanted,
            meets,
            id=f"{wanted.name}-{meets.name}",
            marks=() if (row + column) % every == 0 else pytest.mark.slow,
        )
        for row, wanted in enumerate(cases)
        for column, meets in enumerate(faults)
        if not (wanted.listens and meets.fault in STREAM_SURVIVES)
    ]
    return pytest.mark.parametrize(("wanted", "meets"), pairs)


def dial(meets: Meets, operation: str, **more: Any) -> dict[str, Any]:
    rule = {"match": {"operation": operation}, "fault": meets.fault, **more}
    return rule if meets.value is None else {**rule, "value": meets.value}


def is_told(fault: JobFault) -> None:
    assert has(fault.text_key)
    for language in ("en", "ru"):
        assert error_text(fault, language)


async def witness(stage: Stage, notebook: Notebook) -> None:
    """What was written down is what happened."""
    bought, orders = await stage.bought(), stage.orders()
    assert len(orders) == notebook.words.count("intend"), "one intent, one request"
    assert len(bought) <= len(orders)
    if notebook.words[-1:] == ["unsold"]:
        assert sum(order["charged_usd"] for order in bought) == 0
    if "paid" in notebook.words or "bought" in notebook.words:
        assert len(bought) == 1


@crossed(ORDER_CASES, COUNTER, every=4)
async def test_a_fault_at_the_counter(stage: Stage, wanted: Case, meets: Meets) -> None:
    stage.sandbox.set_faults(dial(meets, wanted.operation))
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook, seconds=meets.seconds))
    assert (fault.code, fault.retryable) == (meets.code, meets.retryable)
    assert fault.facts.get("retry_after_s") == meets.pause_s
    is_told(fault)
    assert notebook.words == (["intend"] if meets.book == OPEN else ["intend", meets.book])
    await witness(stage, notebook)


@pytest.mark.parametrize(
    ("form", "least", "most"),
    [
        ("7", 7, 7),
        ("1.5", 1.5, 1.5),
        ("date:60", 55, 60),
        ("ms:1500", 1.5, 1.5),
        ("none", PAUSE_UNTOLD_S, PAUSE_UNTOLD_S),
        ("reset:60", 55, 60),
    ],
)
@pytest.mark.parametrize(
    "wanted", named("openai text", "openai image", "openrouter image", "kie image"), ids=name_of
)
async def test_every_form_of_retry_after(
    stage: Stage, wanted: Case, form: str, least: float, most: float
) -> None:
    stage.sandbox.set_faults({"fault": "rate_limited", "value": form})
    fault = await stage.fault(wanted, stage.call(wanted, Notebook()))
    assert fault.code == "rate_limited"
    assert least <= fault.facts["retry_after_s"] <= most
    assert fault.facts["counted"] is False


async def test_the_real_limit_of_creates_is_a_wait_and_no_purchase(stage: Stage) -> None:
    stage.sandbox.set_limits(kie_creates=1)
    wanted = case("kie image")
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, Notebook()))
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, notebook.words) == ("rate_limited", ["intend", "unsold"])
    assert len(await stage.bought()) == 1


@pytest.mark.parametrize("wanted", ORDER_CASES, ids=name_of)
async def test_a_slow_provider_is_waited_for(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "latency", "value": 0.2})
    notebook = Notebook()
    await stage.finish(wanted, stage.call(wanted, notebook))
    assert notebook.entries[-1] == "paid ok"


@pytest.mark.parametrize("wanted", ORDER_CASES, ids=name_of)
async def test_a_refusal_of_the_content_costs_nothing(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "content_refusal"})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, fault.retryable) == ("content_refused", False)
    is_told(fault)
    assert notebook.words[-1] == "unsold"
    await witness(stage, notebook)


@pytest.mark.parametrize("wanted", ORDER_CASES, ids=name_of)
async def test_usage_above_the_quote_is_told_and_no_fault(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "usage_above_quote", "value": 10})
    notebook = Notebook()
    answer = await stage.finish(wanted, stage.call(wanted, notebook))
    (order,) = await stage.bought()
    if notebook.cost_usd_micros is not None:
        assert notebook.cost_usd_micros == pytest.approx(order["charged_usd"] * 1e6, abs=1)
    if wanted.operation == "chat" and isinstance(answer, TextAnswer):
        assert answer.origin.usage.output_tokens > len(answer.text)


@pytest.mark.parametrize("wanted", named("openai text", "openrouter text", "kie film"), ids=name_of)
async def test_a_model_that_the_provider_does_not_know(stage: Stage, wanted: Case) -> None:
    gone = wanted.row.model_copy(update={"model": "nobody/nothing"})
    notebook = Notebook()
    fault = await stage.fault(wanted, replace(stage.call(wanted, notebook), model=gone))
    assert (fault.code, notebook.words) == ("unknown_model", ["intend", "unsold"])
    is_told(fault)


async def test_a_wrong_key_is_ours_to_mend(stage: Stage) -> None:
    adapter = openai.build(stage.tools, Account(stage.sandbox.openai_url, "sk-invalid"))
    wanted, notebook = case("openai text"), Notebook()
    with pytest.raises(JobFault) as caught:
        await wanted.ask(adapter, stage.call(wanted, notebook), stage.photo)
    await adapter.close()
    assert (caught.value.code, caught.value.retryable) == ("provider_unavailable", False)
    assert caught.value.facts["reason"] == "bad_key"
    assert notebook.words == ["intend", "unsold"]


@pytest.mark.parametrize(
    "wanted", named("openai text", "openai image", "openai stream"), ids=name_of
)
async def test_nobody_at_home_is_certainly_no_purchase(stage: Stage, wanted: Case) -> None:
    adapter = openai.build(stage.tools, Account("http://127.0.0.1:1/v1", "sk-x"))
    notebook = Notebook()
    with pytest.raises(JobFault) as caught:
        await wanted.ask(adapter, stage.call(wanted, notebook), stage.photo)
    await adapter.close()
    assert (caught.value.code, caught.value.retryable) == ("provider_unavailable", True)
    assert notebook.words == ["intend", "unsold"]


# -------------------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("wanted", CHAT_CASES, ids=name_of)
async def test_a_filtered_answer_was_paid_and_is_refused(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "filtered"})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, fault.retryable) == ("content_refused", False)
    assert notebook.entries == ["intend", "paid refused"]
    await witness(stage, notebook)


@pytest.mark.parametrize("wanted", CHAT_CASES, ids=name_of)
async def test_an_answer_without_choices_is_unknown(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "empty_choices"})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, notebook.words) == ("provider_unknown", ["intend"])
    await witness(stage, notebook)


@pytest.mark.parametrize("fault_name", ["cut_stream", "stream_error"])
@pytest.mark.parametrize("after", [0, 3, 10_000])
@pytest.mark.parametrize("wanted", named("openai stream", "openrouter stream"), ids=name_of)
async def test_a_stream_without_its_end_is_no_answer(
    stage: Stage, wanted: Case, fault_name: str, after: int
) -> None:
    stage.sandbox.set_faults({"fault": fault_name, "value": after})
    notebook, heard = Notebook(), list[str]()
    fault = await stage.fault(wanted, stage.call(wanted, notebook, heard=heard))
    assert (fault.code, fault.retryable) == ("provider_unknown", True)
    assert notebook.words == ["intend"]
    assert bool(heard) == (after > 0)
    await witness(stage, notebook)


@pytest.mark.parametrize("wanted", named("openrouter edit"), ids=name_of)
async def test_an_answer_in_words_where_a_picture_was_wanted(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "filtered"})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, notebook.words) == ("content_refused", ["intend", "paid"])


# -------------------------------------------------------------------------------------------- tasks

POLL_FAULTS = (
    Meets("rate_limited", "rate_limited", "", value="30", pause_s=30),
    Meets("server_error", "provider_unavailable", "", value="503:30", pause_s=30),
    Meets("server_error", "provider_unavailable", "", value="504:30", pause_s=30),
    Meets("payment_required", "provider_unavailable", "", value="30", pause_s=30),
    Meets("server_error", "provider_unavailable", "", value="503"),
    Meets("server_error", "provider_unavailable", "", value="504"),
    Meets("error_in_200", "provider_unavailable", "", value="500"),
    Meets("insufficient_quota", "provider_unavailable", ""),
    Meets("blocked_agent", "provider_unavailable", ""),
    Meets("garbage", "provider_unavailable", ""),
    Meets("truncated_json", "provider_unavailable", ""),
    Meets("oversize", "provider_unavailable", "", value="40000000"),
    Meets("reset", "provider_unavailable", "", value="before"),
    Meets("reset", "provider_unavailable", "", value="mid"),
    Meets("hang", "provider_unavailable", "", value="before", seconds=1.5),
)


@crossed(TASK_CASES, POLL_FAULTS, every=4)
async def test_a_fault_at_a_poll_only_delays(stage: Stage, wanted: Case, meets: Meets) -> None:
    notebook = Notebook()
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, notebook))
    stage.sandbox.set_faults(dial(meets, "poll", times=1))
    fault = await stage.fault(wanted, stage.call(wanted, notebook, seconds=meets.seconds))
    assert (fault.code, fault.retryable, fault.facts["counted"]) == (meets.code, True, False)
    assert fault.facts["retry_after_s"] == (meets.pause_s or 10)
    said = verdict_of(fault, provider_book().breaker, buys=False)
    assert said.pause_s == (meets.pause_s or 0), "what one poll was told holds for everybody"
    assert notebook.words == ["intend", "bought"]
    await stage.finish(wanted, stage.call(wanted, notebook))
    assert notebook.entries[-1] == "paid ok"
    await witness(stage, notebook)


@pytest.mark.parametrize("wanted", TASK_CASES, ids=name_of)
async def test_a_task_that_never_ends_stays_parked(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "task_forever"})
    notebook = Notebook()
    for _ in range(5):
        with pytest.raises(Parked):
            await stage.ask(wanted, stage.call(wanted, notebook))
    fault = await stage.fault(wanted, stage.call(wanted, notebook, last_look=True))
    assert (fault.code, fault.retryable) == ("overdue", False)
    assert len(await stage.bought()) == 1


@pytest.mark.parametrize(("failure", "code"), [("500", "failed"), ("422", "provider_refused")])
@pytest.mark.parametrize("wanted", TASK_CASES, ids=name_of)
async def test_a_failed_task_is_not_charged(
    stage: Stage, wanted: Case, failure: str, code: str
) -> None:
    stage.sandbox.set_faults({"fault": "task_failed", "value": failure})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    # OpenRouter says why in words alone.
    assert fault.code == ("failed" if wanted.provider == "openrouter" else code)
    assert not fault.retryable
    is_told(fault)
    assert notebook.words == ["intend", "bought", "unsold"]
    await witness(stage, notebook)


@pytest.mark.parametrize("wanted", [c for c in TASK_CASES if c.provider == "kie"], ids=name_of)
async def test_a_broken_record_is_looked_at_again(stage: Stage, wanted: Case) -> None:
    notebook = Notebook()
    rule = {"fault": "broken_result_json", "match": {"operation": "poll", "nth": 2}}
    stage.sandbox.set_faults(rule)
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, fault.retryable, fault.facts["counted"]) == ("bad_result", True, False)
    is_told(fault)
    await stage.finish(wanted, stage.call(wanted, notebook))
    assert notebook.words == ["intend", "bought", "paid"]
    await witness(stage, notebook)


@pytest.mark.parametrize(
    "wanted",
    named("kie edit", "kie film of a picture", "openrouter film of a picture"),
    ids=name_of,
)
async def test_what_is_ordered_needs_the_picture_no_more(stage: Stage, wanted: Case) -> None:
    notebook = Notebook()
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, notebook))
    gone = replace(stage, photo=b"")
    await gone.finish(wanted, stage.call(wanted, notebook))
    assert notebook.entries[-1] == "paid ok"


async def test_the_addresses_of_a_record_are_not_needed_where_the_bytes_have_a_place(
    stage: Stage,
) -> None:
    stage.sandbox.set_faults({"fault": "broken_result_json"})
    wanted, notebook = case("openrouter film"), Notebook()
    answer = await stage.finish(wanted, stage.call(wanted, notebook))
    assert isinstance(answer, VideoAnswer)
    assert notebook.entries[-1] == "paid ok"


@pytest.mark.parametrize("wanted", TASK_CASES, ids=name_of)
async def test_an_expired_link_is_renewed_if_it_can_be(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults({"fault": "expired_url", "match": {"operation": "task"}})
    notebook = Notebook()
    answer = await stage.finish(wanted, stage.call(wanted, notebook))
    assert isinstance(answer, VideoAnswer | ImageAnswer)
    assert notebook.entries[-1] == "paid ok"


FILE_FAULTS = (
    Meets("garbage", "bad_result", "paid"),
    Meets("truncated_json", "bad_result", "paid"),
    Meets("oversize", "bad_result", "paid", value="110000000"),
    Meets("redirect_private", "bad_result", "paid"),
    Meets("redirect_private", "bad_result", "paid", value="https://127.0.0.1/x.mp4"),
    Meets("redirect_private", "bad_result", "paid", value="https://localhost/x.mp4"),
    Meets("redirect_private", "bad_result", "paid", value="https://[::ffff:10.0.0.1]/x.mp4"),
    Meets("server_error", "provider_unavailable", "", retryable=True, value="503"),
    Meets("rate_limited", "provider_unavailable", "", retryable=True, value="30", pause_s=30),
    Meets("server_error", "provider_unavailable", "", retryable=True, value="503:30", pause_s=30),
    Meets("reset", "provider_unavailable", "", retryable=True, value="before"),
    Meets("reset", "provider_unavailable", "", retryable=True, value="mid"),
    Meets("hang", "provider_unavailable", "", retryable=True, value="before", seconds=1.5),
)


@crossed(named("kie image", "kie veo", "openrouter film"), FILE_FAULTS, every=2)
async def test_a_fault_of_the_file(stage: Stage, wanted: Case, meets: Meets) -> None:
    """What can get better is tried again; what cannot fails, and was paid all the same."""
    notebook = Notebook()
    stage.sandbox.set_timing(polls=1)
    with pytest.raises(Parked):
        await stage.ask(wanted, stage.call(wanted, notebook))
    stage.sandbox.set_faults(dial(meets, "file"))
    fault = await stage.fault(wanted, stage.call(wanted, notebook, seconds=meets.seconds))
    assert (fault.code, fault.retryable) == (meets.code, meets.retryable)
    is_told(fault)
    if meets.book == "paid":
        assert notebook.entries[-1] == "paid bad_result"
        return
    assert fault.facts["counted"] is False
    assert fault.facts["retry_after_s"] == (meets.pause_s or 10)
    said = verdict_of(fault, provider_book().breaker, buys=False)
    assert said.pause_s == (meets.pause_s or 0)
    assert notebook.words == ["intend", "bought"]
    stage.sandbox.set_faults()
    await stage.finish(wanted, stage.call(wanted, notebook))
    assert notebook.entries[-1] == "paid ok"


@pytest.mark.parametrize("wanted", TASK_CASES, ids=name_of)
async def test_a_file_that_is_gone_for_good(stage: Stage, wanted: Case) -> None:
    stage.sandbox.set_faults(
        {"fault": "expired_url", "value": "gone", "match": {"operation": "task"}}
    )
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert (fault.code, fault.facts["reason"]) == ("bad_result", "expired")
    assert notebook.entries[-1] == "paid bad_result"


@pytest.mark.parametrize("fault_name", ["server_error", "garbage", "rate_limited", "reset"])
@pytest.mark.parametrize("wanted", named("kie edit", "kie film of a picture"), ids=name_of)
async def test_an_upload_that_fails_buys_nothing(
    stage: Stage, wanted: Case, fault_name: str
) -> None:
    stage.sandbox.set_faults({"fault": fault_name, "match": {"operation": "upload"}})
    notebook = Notebook()
    fault = await stage.fault(wanted, stage.call(wanted, notebook))
    assert fault.retryable
    assert notebook.entries == []
    assert stage.orders() == []
