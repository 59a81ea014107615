### The workspace in pages: /gallery.

gallery-title = <b>Your workspace</b> · page { $page } of { $pages } · projects: { $total }
gallery-line = { $number }. { $title } · <code>{ $code }</code>
gallery-storage = { $bar } { $used } of { $limit }
gallery-how = Search: <code>/gallery words</code>
gallery-empty =
    Your workspace is empty. Whatever you make here is kept in it.
    { $storage }
gallery-nothing-found =
    Nothing here has “{ $words }” in its title or code.
    { $storage }
gallery-newer = ◀ Newer
gallery-older = Older ▶
gallery-about = <b>{ $title }</b> · <code>{ $code }</code> · { $at } · { $size } · made by AI
gallery-text =
    { $about }

    { $words }
gallery-post = Post to channel
gallery-remove = Delete
gallery-back = To the gallery
gallery-sure = Delete “{ $title }” (<code>{ $code }</code>) for good? It cannot be brought back.
gallery-yes = Yes, delete
gallery-removed = <code>{ $code }</code> is deleted; { $size } are free again.
