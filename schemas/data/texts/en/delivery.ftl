### How the end of a job is told in a chat.

delivery-footer = <i>{ amount-credits }</i>
delivery-footer-saved = <i>{ amount-credits } · saved as</i> <code>{ $code }</code>
delivery-full = 📦 Your workspace is full, so this was not saved; we keep it for 7 days. Make room in /gallery.
delivery-gift = 🎁 This came after its time was up, so it is free.
delivery-changes = What was changed:
delivery-prompt = ✨ <b>Your prompt, improved:</b>
delivery-album =
    Done: { $count ->
        [one] { $count } file
       *[other] { $count } files
    }.
delivery-too_large = The file { $name } ({ $mb } MB) is larger than Telegram takes. Its job is done; we keep the file for 7 days.
delivery-in_private = The result is in your chat with this bot: Telegram lets it be sent only there.
delivery-start_first = The result is ready, but you have no chat with this bot yet. Open the bot, press Start and ask again.
delivery-whole_in_private = <i>… the whole text is in</i> <a href="{ $link }">our chat</a>.
delivery-whole_start_first = <i>… this is only its beginning. For the whole text open</i> <a href="{ $link }">our chat</a><i>, press Start and ask again.</i>
delivery-forgotten = The result of this job is no longer kept.

delivery-failed = ⚠️ { $reason }
delivery-cancelled = ✖️ Cancelled.
delivery-returned = ↩️ Credits returned: { $price }.

delivery-posted = 📣 Posted.
delivery-posted-link = 📣 <a href="{ $link }">Posted</a>.
delivery-post_uncertain = ❓ Telegram did not tell us whether your post has appeared. We will not send it twice by ourselves: please look into the channel and choose.

error-post_uncertain = Telegram did not say whether the post has appeared. Nothing was charged; look into the channel before you post again.
error-post_refused = Telegram refused this post. Nothing was charged; change the text or the file and post it again.
error-post_empty = There is nothing to post: no text, and no file that can still be read. Nothing was charged; choose something else.
error-channel_not_linked = This channel is not linked to your account. Nothing was charged; add the bot to it as an administrator and link it.
error-channel_no_rights = The bot, or you, may no longer post in this channel. Nothing was charged; give the right back and link the channel again.
