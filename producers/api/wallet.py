"""The wallet that all four apps share."""

from fastapi import APIRouter

from producers.api import shapes
from producers.api.again import SecondLook
from producers.api.auth import TheDesk, UserId
from schemas.errors import Missing
from schemas.http import WalletPage
from schemas.money import UNITS_PER_CREDIT
from schemas.plans import plans

router = APIRouter(prefix="/v1/wallet", tags=["wallet"], route_class=SecondLook)


@router.get("")
async def get_wallet(user_id: UserId, desk: TheDesk) -> WalletPage:
    account = await desk.users.get(user_id)
    if account.status == "erased":
        raise Missing("no_account")
    wallets = await desk.wallets.balances(user_id)
    return WalletPage(
        units_per_credit=UNITS_PER_CREDIT,
        plan=account.plan,
        wallets=tuple(shapes.wallet(one) for one in wallets),
        apps={
            app.value: tuple(currency.value for currency in facts.spend_order)
            for app, facts in plans().apps.items()
        },
    )
