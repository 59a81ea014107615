### Words of the wallet: kinds of entries, names of currencies, what became of the price of a job.

entry-capture = Списание
entry-grant = Подарок
entry-bonus = Бонус
entry-purchase = Покупка
entry-stars_refund = Возврат в Stars
entry-refund = Возврат
entry-convert = Обмен
entry-lapse = Сгоревший бонус
entry-adjust = Исправление
entry-migrate = Перенос

currency-CREDIT = кредиты
currency-BATV = батарейки viAIzer
currency-BATT = батарейки Text AI
currency-XTR = звёзды

receipt-captured = Списано за результат.
receipt-partial = Списано за сделанное, остальное вернулось.
receipt-free = Это задание ничего не стоит.
receipt-refunded = Списание возвращено.
receipt-released = Ничего не списано, резерв вернулся.
receipt-reserved = В резерве до конца задания, ещё не списано.
receipt-not_started = Ещё не начато, ничего не зарезервировано.
