### What somebody has and where it went: /balance, /history, /limits, /convert.

wallet-title = <b>Wallet</b>
wallet-line = • <b>{ $amount }</b>
wallet-bonus = · of which { $amount } bonus, without an end
wallet-bonus-until = · of which { $amount } bonus until { $until }
wallet-held = Reserved for running jobs: { $amount }
wallet-stars = Stars paid here: { $stars }
wallet-plan = Plan: <b>{ $plan }</b>
wallet-used = { $app }: { $used } of { $limit } requests today, { $left } left; a new day at { $reset }
wallet-unlimited = { $app }: { $used } requests today, no limit

wallet-to-history = History
wallet-to-limits = Limits
wallet-to-convert = Exchange
wallet-to-shop = Buy credits
wallet-back = Back
wallet-older = Older
wallet-newest = Newest

wallet-history = <b>History</b>
wallet-no-history = Nothing has moved in your wallet yet.
wallet-entry = { $number }. { $at } · <b>{ $amount }</b> · { $entry } · then { $balance }
wallet-receipt =
    <b>Receipt</b> · { $kind } · { $at }
    Quoted: { $quoted }
    Charged: { $captured }
    Came back: { $returned }
    { $why }
    <code>{ $number }</code>

wallet-limits = <b>Limits</b> · plan { $plan }
wallet-limits-rest =
    At once: up to { $at_once } jobs of a kind, { $waiting } waiting now
    Storage: { $used_kb } of { $limit_kb } KiB

wallet-convert = What would you like to exchange? Bonus credits and what is reserved stay where they are.
wallet-nothing-to-convert = There is nothing to exchange: bonus credits and what is reserved for running jobs stay where they are.
wallet-pair = { $source } → { $target }
wallet-how-much =
    How much? You can exchange up to { $free }.
    Another amount: <code>/convert 12.5 { $source } { $target }</code>
wallet-offer =
    You give <b>{ $taken }</b> and get <b>{ $given }</b>.
    Rate: { $rate }. Nothing has been exchanged yet.
wallet-rate-changed =
    The rate has changed while you were looking. Nothing was exchanged.
    Now you would give <b>{ $taken }</b> and get <b>{ $given }</b>. Rate: { $rate }.
wallet-yes = Exchange
wallet-converted = Done: { $taken } became <b>{ $given }</b>.
