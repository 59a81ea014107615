### Что карточка говорит, пока задание выполняется.

live-head = <b>{ $kind }</b> · { amount-credits }
live-working = ⏳ Работаем…
live-progress = ⏳ { $bar } { $percent }%
live-rule-text = Если отменить сейчас, спишется только за написанное.
live-rule-media = Начатое дойдёт до конца и будет оплачено по объявленной цене.
