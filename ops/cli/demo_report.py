"""What a demo shows when it is over: results, the wallet, one receipt, and the proof of the book."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ops.cli.output import amount, console, plain, print_json, span, state, table

if TYPE_CHECKING:
    from ledger.receipts import Receipt
    from ledger.wallets import Wallet
    from producers.desk import Desk
    from storage.ledger_reads import TransferRow
    from storage.results import JobView

RECEIPT_OF: Final = "text.generate"
TELLING_MAX: Final = 72


class Report:
    """`live`: tables for people; otherwise one JSON document at the end."""

    def __init__(self, desk: "Desk", user_id: int, name: str, *, live: bool) -> None:
        self._desk = desk
        self._user_id = user_id
        self._name = name
        self._live = live
        self._before: list[dict[str, Any]] = []

    async def before(self) -> None:
        wallets, rows = await self._book()
        self._before = [wallet_row(wallet) for wallet in wallets]
        if self._live:
            show_statement(f"Wallet of {self._name} before", wallets, rows)

    async def after(self, views: Sequence["JobView"], *, folder: Path, database_url: str) -> bool:
        """True when every job succeeded and the book is sound."""
        from ops.cli.ledger import proof
        from ops.cli.ledger import show as show_verdict
        from ops.cli.results import save

        files = {
            view.id: await save(self._desk, self._user_id, view, folder, stem=view.kind.value)
            for view in views
        }
        wallets, rows = await self._book()
        book = await proof(database_url)
        shown = next((view for view in views if view.kind == RECEIPT_OF), views[0])
        receipt = await self._desk.receipts.of_job(shown.id, user_id=self._user_id)
        ok = book.ok and all(view.state == "succeeded" for view in views)
        if not self._live:
            print_json(self._body(views, files, wallets, ok=ok, violations=len(book.violations)))
            return ok
        show_results(views, files, folder)
        show_statement(f"Wallet of {self._name} after", wallets, rows)
        show_receipt(receipt)
        show_verdict(book)
        return ok

    async def _book(self) -> tuple[list["Wallet"], tuple["TransferRow", ...]]:
        wallets = await self._desk.wallets.balances(self._user_id)
        page = await self._desk.statement.page(self._user_id, limit=50)
        return wallets, page.rows

    def _body(
        self,
        views: Sequence["JobView"],
        files: dict[Any, list[Path]],
        wallets: list["Wallet"],
        *,
        ok: bool,
        violations: int,
    ) -> dict[str, Any]:
        jobs = [
            {
                "id": view.id,
                "kind": view.kind,
                "state": view.state,
                "price": view.price_units,
                "captured": view.captured_units,
                "code": view.code,
                "files": [str(path) for path in files[view.id]],
            }
            for view in views
        ]
        return {
            "ok": ok,
            "user": self._name,
            "jobs": jobs,
            "wallets_before": self._before,
            "wallets_after": [wallet_row(wallet) for wallet in wallets],
            "violations": violations,
        }


def wallet_row(wallet: "Wallet") -> dict[str, Any]:
    return {
        "currency": wallet.currency.value,
        "balance": wallet.balance_units,
        "held": wallet.held_units,
        "bonus": wallet.bonus_units,
    }


def show_results(views: Sequence["JobView"], files: dict[Any, list[Path]], folder: Path) -> None:
    from ops.cli.results import told

    rows = [
        (
            view.kind.value,
            state(view.state.value),
            amount(view.captured_units),
            _took(view),
            plain(told(files[view.id], root=folder)) or "-",
            f"[dim]{plain(telling(view))}[/]",
        )
        for view in views
    ]
    console.print()
    console.print(table("Results", ("job", "state", ">charged", ">took", "file", "what"), rows))
    console.print(f"[dim]in {plain(folder)}[/]\n", soft_wrap=True)


def telling(view: "JobView") -> str:
    """One line about what came of a job."""
    if view.result is None:
        return view.code or ""
    changes = getattr(view.result, "changes", ())
    if changes:
        return f"{len(changes)} changes, such as: {changes[0]}"[:TELLING_MAX]
    text = str(getattr(view.result, "text", ""))
    words = " ".join(text.split()) or view.result.made_by
    return words if len(words) <= TELLING_MAX else f"{words[: TELLING_MAX - 1]}…"


def show_statement(title: str, wallets: Sequence["Wallet"], rows: Sequence["TransferRow"]) -> None:
    from schemas.texts import text

    lines = [
        (
            row.at.strftime("%H:%M:%S"),
            text(f"entry.{row.kind}"),
            row.app.value if row.app else "",
            row.currency.value,
            f"[{'green' if row.units > 0 else 'red'}]{amount(row.units, row.currency):>6}[/]",
            amount(row.balance_units, row.currency),
        )
        for row in reversed(rows)
    ]
    console.print(table(title, ("at", "entry", "app", "wallet", ">amount", ">balance"), lines))
    balances = [f"{amount(w.balance_units, w.currency)} {w.currency.value}" for w in wallets]
    console.print(f"[bold]balance[/] {' · '.join(balances)}\n")


def show_receipt(receipt: "Receipt") -> None:
    currency = receipt.currency.value
    lines = (
        ("job", f"{receipt.kind} {receipt.job_id}"),
        ("paid from", f"{currency} in {receipt.app.value}"),
        ("quoted", amount(receipt.quoted_units, currency)),
        ("charged", amount(receipt.captured_units, currency)),
        ("returned", amount(receipt.returned_units, currency)),
        ("attempts", str(receipt.attempts)),
        ("why", receipt.explain()),
    )
    console.print(table("Receipt", ("", ""), lines))
    console.print()


def _took(view: "JobView") -> str:
    if view.started_at is None or view.finished_at is None:
        return "-"
    return span(view.finished_at - view.started_at)
