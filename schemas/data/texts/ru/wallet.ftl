### Что есть у человека и куда оно ушло: /balance, /history, /limits, /convert.

wallet-title = <b>Кошелёк</b>
wallet-line = • <b>{ $amount }</b>
wallet-bonus = · из них бонус { $amount }, без срока
wallet-bonus-until = · из них бонус { $amount } до { $until }
wallet-held = Отложено на идущие задания: { $amount }
wallet-stars = Оплачено здесь звёздами: { $stars }
wallet-plan = Тариф: <b>{ $plan }</b>
wallet-used = { $app }: { $used } из { $limit } запросов сегодня, осталось { $left }; новый день в { $reset }
wallet-unlimited = { $app }: запросов сегодня { $used }, без ограничения

wallet-to-history = История
wallet-to-limits = Лимиты
wallet-to-convert = Обмен
wallet-to-shop = Купить кредиты
wallet-back = Назад
wallet-older = Раньше
wallet-newest = К новым

wallet-history = <b>История</b>
wallet-no-history = В вашем кошельке ещё ничего не происходило.
wallet-entry = { $number }. { $at } · <b>{ $amount }</b> · { $entry } · стало { $balance }
wallet-receipt =
    <b>Квитанция</b> · { $kind } · { $at }
    Назначено: { $quoted }
    Списано: { $captured }
    Вернулось: { $returned }
    { $why }
    <code>{ $number }</code>

wallet-limits = <b>Лимиты</b> · тариф { $plan }
wallet-limits-rest =
    Одновременно: до { $at_once } заданий одного вида, ждут сейчас: { $waiting }
    Хранилище: { $used_kb } из { $limit_kb } КиБ

wallet-convert = Что обменять? Бонусы и то, что отложено на задания, остаются на месте.
wallet-nothing-to-convert = Обменивать нечего: бонусы и то, что отложено на идущие задания, остаются на месте.
wallet-pair = { $source } → { $target }
wallet-how-much =
    Сколько? Можно обменять до { $free }.
    Другая сумма: <code>/convert 12.5 { $source } { $target }</code>
wallet-offer =
    Вы отдаёте <b>{ $taken }</b> и получаете <b>{ $given }</b>.
    Курс: { $rate }. Пока ничего не обменяно.
wallet-rate-changed =
    Пока вы смотрели, курс изменился. Ничего не обменяно.
    Теперь вы отдали бы <b>{ $taken }</b> и получили бы <b>{ $given }</b>. Курс: { $rate }.
wallet-yes = Обменять
wallet-converted = Готово: { $taken } → <b>{ $given }</b>.
