### Channels that were linked for posting, and posts in them.

channels-none = No channel is linked yet. You can link one that you may post in and that I am an administrator of.
channels-list = <b>Your channels</b>
channels-line = { $title }: { $state }
channels-one = <b>{ $title }</b>: { $state }
channels-link = Link a channel
channels-unlink = Unlink it
channels-choose = Choose a channel
channels-how =
    Press the button: Telegram asks which channel, and makes me an administrator there with the right to post and nothing else.
    Or add me yourself and forward a post of the channel to me.
channels-add = Add me to a channel
channels-or-choose = Are you its administrator already? Then you can also choose it from your list, with the key below.
channels-linked = <b>{ $title }</b> is linked. Each time before I post there I ask Telegram again whether you and I still may.
channels-refused-bot_no_rights = I may not post in that channel. Make me an administrator with the right to post, then try again.
channels-refused-owner_no_rights = Only its creator or an administrator who may post can link a channel.
channels-refused-not_a_channel = That is not a channel.

channels-state-linked = ready
channels-state-bot_removed = not linked any more: I was removed
channels-state-bot_no_rights = not linked any more: I may not post there
channels-state-owner_no_rights = not linked any more: you may not post there
channels-lost-bot_removed = I was removed from <b>{ $title }</b>, so nothing is posted there any more. Add me again to go on.
channels-lost-bot_no_rights = I may not post in <b>{ $title }</b> any more. Give me the right back to go on.

channels-which = Which channel?
channels-picture-gone = The picture of this text is no longer kept, so the post will be the text alone.
channels-pictures-gone =
    { $gone ->
        [one] One picture of this text is no longer kept, so the post will show the others.
       *[other] { $gone } pictures of this text are no longer kept, so the post will show the others.
    }
channels-sure = Post it in <b>{ $title }</b>? Everybody there will see it.
channels-post = Post now
channels-looked-done = Good. It is noted as posted.
channels-looked-again = It is sent again: only what is missing, once.
