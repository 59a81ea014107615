"""From what storage and ledger know to what a client reads."""

from typing import Any
from uuid import UUID

from ledger.receipts import Receipt
from ledger.wallets import Wallet
from producers.request import Accepted
from schemas.http import (
    ArtifactLink,
    FileAccepted,
    JobAccepted,
    JobDetail,
    JobSummary,
    ProjectBody,
    Reason,
    ReceiptBody,
    StorageBody,
    StorageShare,
    WalletBody,
)
from schemas.jobs import State
from schemas.moderation import blocked_text
from schemas.results import AnyResult, Artifact, artifacts_of
from schemas.texts import Language, end_text, text
from storage.files import StoredFile
from storage.projects import Project, Storage
from storage.results import JobView


def job_path(job_id: UUID) -> str:
    return f"/v1/jobs/{job_id}"


def accepted(job: Accepted) -> JobAccepted:
    return JobAccepted(
        id=job.job_id,
        state=job.state,
        price=job.price_units,
        currency=job.currency,
        receipt=f"{job_path(job.job_id)}/receipt",
    )


def summary(view: JobView, language: Language) -> JobSummary:
    return JobSummary(**_summary(view, language))


def detail(view: JobView, language: Language) -> JobDetail:
    return JobDetail(
        **_summary(view, language),
        result=_result(view.result) if view.result else None,
        artifacts=_links(view),
        project=view.project,
    )


def stored_file(file: StoredFile) -> FileAccepted:
    return FileAccepted(
        id=file.id,
        media_type=file.facts.media_type,
        size_bytes=file.facts.size_bytes,
        sha256=file.sha256.hex(),
        width=file.facts.width,
        height=file.facts.height,
        pages=file.facts.pages,
        expires_at=file.expires_at,
    )


def receipt(one: Receipt, language: Language) -> ReceiptBody:
    return ReceiptBody(
        job=one.job_id,
        kind=one.kind,
        app=one.app,
        state=one.state,
        currency=one.currency.value,
        quoted=one.quoted_units,
        held=one.held_units,
        captured=one.captured_units,
        returned=one.returned_units,
        refunded=one.refunded_units,
        why=one.explain(language),
        why_code=one.why,
        price_version=one.price_version,
        attempts=one.attempts,
        created_at=one.created_at,
        finished_at=one.finished_at,
    )


def wallet(one: Wallet) -> WalletBody:
    return WalletBody(
        currency=one.currency.value,
        balance=one.balance_units,
        held=one.held_units,
        available=one.available_units,
        bonus=one.bonus_units,
    )


def project(one: Project) -> ProjectBody:
    return ProjectBody(
        code=one.code,
        app=one.app,
        type=one.type,
        title=one.title,
        size_bytes=one.size_bytes,
        created_at=one.created_at,
        job=one.job_id,
        metadata=_public(one.metadata),
        content=f"/v1/projects/{one.code}/content",
    )


def storage(one: Storage) -> StorageBody:
    shares = (
        StorageShare(app=s.app, projects=s.projects, size_bytes=s.size_bytes) for s in one.by_app
    )
    return StorageBody(
        used_bytes=one.used_bytes,
        limit_bytes=one.limit_bytes,
        available_bytes=max(0, one.limit_bytes - one.used_bytes),
        by_app=tuple(shares),
    )


def reason_of(
    state: State,
    code: str | None,
    language: Language,
    *,
    blocked: str | None = None,
    given: bool = False,
) -> Reason | None:
    """None while a job runs and when it succeeded. `blocked`: the class of what was not allowed; `given`:
    its result came after all.
    """
    if not state.ended or state is State.SUCCEEDED:
        return None
    told = end_text(code, state.value, language)
    if blocked:
        told += f" {blocked_text(blocked, language)}"
    if given:
        told += f" {text('late.given', language)}"
    return Reason(code=code or state.value, text=told)


def _summary(view: JobView, language: Language) -> dict[str, Any]:
    return {
        "id": view.id,
        "kind": view.kind.value,
        "app": view.app,
        "state": view.state.value,
        "price": view.price_units,
        "captured": view.captured_units,
        "currency": view.currency.value,
        "reason": reason_of(
            view.state,
            view.code,
            language,
            blocked=view.blocked,
            given=view.result is not None,
        ),
        "attempts": view.attempts,
        "cancel_requested": view.cancel_requested,
        "created_at": view.created_at,
        "run_at": view.run_at,
        "started_at": view.started_at,
        "finished_at": view.finished_at,
        "replay_of": view.replay_of,
        "receipt": f"{job_path(view.id)}/receipt",
    }


def _public(metadata: dict[str, Any]) -> dict[str, Any]:
    """Keys of blobs stay inside: a client fetches artifacts through their job."""
    artifacts = metadata.get("artifacts", [])
    bare = [{k: v for k, v in artifact.items() if k != "key"} for artifact in artifacts]
    return metadata | ({"artifacts": bare} if artifacts else {})


def _result(result: AnyResult) -> dict[str, Any]:
    """Without the keys of blobs: a client fetches artifacts by their links."""
    body = result.model_dump(mode="json")
    body.pop("artifacts", None)
    return body


def _links(view: JobView) -> tuple[ArtifactLink, ...]:
    artifacts = artifacts_of(view.result) if view.result else ()
    return tuple(_link(view.id, number, artifact) for number, artifact in enumerate(artifacts))


def _link(job_id: UUID, number: int, artifact: Artifact) -> ArtifactLink:
    return ArtifactLink(
        href=f"{job_path(job_id)}/artifacts/{number}",
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        width=artifact.width,
        height=artifact.height,
        duration_s=artifact.duration_s,
    )
