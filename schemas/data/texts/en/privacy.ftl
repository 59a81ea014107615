### What is kept, a copy of it, and the end of it: /privacy, /export, /delete_me.

privacy-about =
    <b>Privacy</b>
    <b>Kept:</b> your Telegram number, language, clock and settings; what you ask and what is made for you; your projects; every movement of credits.
    <b>How:</b> what you write and what is made is encrypted with a key of your own. Logs hold no texts.
    <b>How long:</b> messages as they come in until they are handled; requests and results for 90 days unless you keep them as projects; sent files for 7 days; movements of credits for good, under a number that means nobody once you are erased; after that also a keyed hash of your Telegram number, which nobody can read back and which only stops the gifts for newcomers from being given twice.
    <b>Who sees it:</b> the AI provider that does a job receives that request, without your name.
    Take it along: /export · Erase everything: /delete_me
privacy-export = Everything we hold about you. Keep it where only you can read it.
privacy-delete =
    <b>Erase everything?</b>
    Your projects, requests, settings and conversations go for good, and so do { $price ->
        [one] { $price } credit
       *[other] { $price } credits
    } in your wallet. A renewing plan is stopped. To take a copy along first: /export
privacy-first-yes = Erase everything
privacy-no = No, keep it
privacy-sure = Really? This cannot be undone by anybody, us included.
privacy-second-yes = Yes, erase me
privacy-kept = Nothing was erased.
privacy-deleted = What was running is being stopped, and then everything of yours is erased. That takes a moment. Farewell!

error-private_only = This is only done in our private chat. Nothing was charged; write to me there.
