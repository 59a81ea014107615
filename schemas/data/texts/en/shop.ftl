### Buying credits and plans with Telegram Stars, and what happens with a payment.

shop-title =
    <b>Buy credits or a plan</b>
    You can spend { amount-credits } here now. Paid in Telegram Stars; credits work in all four apps.
shop-package-key = { $amount } · ⭐ { $stars }
shop-plan-key = { $plan } for 30 days · ⭐ { $stars }
shop-package = { $amount }
shop-plan = { $plan } for 30 days
shop-package-about = { $amount } for all four apps. They have no end. Unspent ones can be returned: /paysupport
shop-about-pro = 1,000 requests a day in each app, 10 jobs of a kind at once, 50 MiB of storage, all models. Renews itself every 30 days until you stop it.
shop-about-enterprise = No daily limit, 50 jobs of a kind at once, 500 MiB of storage, all models, first in every queue. Renews itself every 30 days until you stop it.
shop-subscribe =
    <b>{ $title }</b>
    { $description }
shop-pay = Pay ⭐ { $stars }

shop-renews = Plan <b>{ $plan }</b>: renews itself on { $until }.
shop-runs-out = Plan <b>{ $plan }</b>: runs until { $until } and is not renewed.
shop-follows =
    { $days ->
        [one] After it comes one day of <b>{ $plan }</b>, paid already.
       *[other] After it come { $days } days of <b>{ $plan }</b>, paid already.
    }
shop-charged = <b>{ $plan }</b> is charged for by Telegram every 30 days until you stop it.
shop-given = Plan <b>{ $plan }</b> was given to you: it has no end and costs nothing.
shop-stop-renewal = Stop the renewal
shop-resume-renewal = Renew it again
shop-renewal-on = Plan <b>{ $plan }</b> renews itself again; the next payment is due on { $until }.
shop-renewal-off = The renewal of <b>{ $plan }</b> is stopped. The plan stays yours until { $until }, and nothing more is charged.
shop-renewal-failed = Telegram could not renew <b>{ $plan }</b>: there were not enough Stars. The plan stays yours until { $until }; your projects are kept after that, too.

shop-thanks =
    Thank you! { $bought } are in your wallet.
    You can spend { amount-credits } here now.
shop-thanks-plan = Thank you! The plan <b>{ $plan }</b> is yours until { $until }.
shop-parked =
    We have received { $stars } Stars, but not as they were offered, so nothing was credited yet.
    A person will look at it and credit or return them. You can ask at any time: /paysupport

shop-parked-second =
    You have paid { $stars } Stars for a plan that you had paid for with the same link. It is not counted twice, and its second renewal is being stopped.
    A person will return these Stars. You can ask at any time: /paysupport

shop-parked-given =
    You have paid { $stars } Stars for a plan that the one you were given includes. Nothing was counted for them, and Telegram will not renew it.
    A person will return these Stars. You can ask at any time: /paysupport

shop-refused-subscribed = This has been paid for already. Send /buy to see what you have.
shop-refused-plan_given = The plan that you were given includes this one: there is nothing to buy. Nothing was charged.
shop-refused-unknown_order = This offer is not known any more. Send /buy for a new one.
shop-refused-no_account = Send /start first, then /buy.
shop-refused-another_person = This invoice was made for somebody else. Send /buy for one of your own.
shop-refused-another_bot = This invoice belongs to another bot. Send /buy here for a new one.
shop-refused-wrong_currency = This can be paid in Telegram Stars only. Send /buy for a new invoice.
shop-refused-wrong_amount = The amount does not match the offer. Send /buy for a new invoice.
shop-refused-off_sale = This offer has changed since. Send /buy to see what there is now.
shop-refused-closed = This account cannot buy anything now. Write to /paysupport.
shop-refused-busy = We cannot take payments at this very moment. Nothing was charged; try again in a minute.

shop-paysupport =
    <b>Help with payments</b>
    Credits that you bought and have not spent can be returned as Stars. A payment that did not arrive is looked for by itself every few minutes.
    If something is wrong, reply to this message with the date of the payment, or send <code>/paysupport</code> and your words: a person reads it and answers here. That costs nothing. Your number here: <code>{ $user }</code>
    Telegram's own support cannot help with purchases in this bot.
shop-terms =
    <b>Terms</b>
    1. Answers, pictures and videos are made by AI and may be wrong: check what matters.
    2. A price is shown before a job and locked for it. A job that fails costs nothing; its credits come back by themselves.
    3. Credits that you bought have no end. Unspent ones can be returned as Stars (/paysupport); gifts and bonuses cannot.
    4. A plan runs for 30 days and renews itself until you stop it (/buy). What was paid stays yours to the end.
    5. Do not ask for what is illegal or harms others: such requests are refused and cost nothing.
    6. What is kept about you and how to take it along or erase it: /privacy

error-renewal_elsewhere = This renewal began at another bot of ours: stop it in Telegram, under Settings and My Stars.
error-plan_not_refundable = A plan cannot be taken back for Stars. Nothing was changed; stop its renewal instead.
