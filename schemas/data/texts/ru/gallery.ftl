### Проекты по страницам: /gallery.

gallery-title = <b>Ваши проекты</b> · страница { $page } из { $pages } · всего: { $total }
gallery-line = { $number }. { $title } · <code>{ $code }</code>
gallery-storage = { $bar } { $used } из { $limit }
gallery-how = Поиск: <code>/gallery слова</code>
gallery-empty =
    Здесь пока пусто. Всё, что вы создадите, сохранится тут.
    { $storage }
gallery-nothing-found =
    Нет проектов, где в названии или коде есть «{ $words }».
    { $storage }
gallery-newer = ◀ Новее
gallery-older = Раньше ▶
gallery-about = <b>{ $title }</b> · <code>{ $code }</code> · { $at } · { $size } · сделано ИИ
gallery-text =
    { $about }

    { $words }
gallery-post = В канал
gallery-remove = Удалить
gallery-back = К проектам
gallery-sure = Удалить «{ $title }» (<code>{ $code }</code>) насовсем? Вернуть будет нельзя.
gallery-yes = Да, удалить
gallery-removed = <code>{ $code }</code> удалён; освободилось { $size }.
