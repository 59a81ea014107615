### Words of the wallet: kinds of entries, names of currencies, what became of the price of a job.

entry-capture = Spent
entry-grant = Gift
entry-bonus = Bonus
entry-purchase = Bought
entry-stars_refund = Returned to Stars
entry-refund = Refund
entry-convert = Exchange
entry-lapse = Expired bonus
entry-adjust = Correction
entry-migrate = Brought over

currency-CREDIT = credits
currency-BATV = viAIzer batteries
currency-BATT = Text AI batteries
currency-XTR = Stars

receipt-captured = Charged for the result.
receipt-partial = Charged for what was produced; the rest came back.
receipt-free = This job costs nothing.
receipt-refunded = The charge was returned.
receipt-released = Nothing was charged; the reserved credits came back.
receipt-reserved = Reserved until the job ends; not charged yet.
receipt-not_started = Not started yet; nothing is reserved.
