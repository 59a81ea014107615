### What is kept, a copy of it, and the end of it: /privacy, /export, /delete_me.

privacy-about =
    <b>Privacy</b>
    <b>Kept:</b> your Telegram number, language, clock and settings; what you ask and what is made for you; your projects; every movement of credits.
    <b>How:</b> what you write and what is made is encrypted with a key of your own. Logs hold no texts.
    <b>How long:</b> messages as they come in until they are handled; requests and results for 90 days unless you keep them as projects; sent files for 7 days; appeals and questions about payments until you erase them; orders, payments and movements of credits for good, under a number that means nobody once you are erased; after that also a keyed hash of your Telegram number, which nobody can read back and which only stops the gifts for newcomers from being given twice.
    <b>Who sees it:</b> the AI provider that does a job receives that request, without your name.
    Take it along: /export · Erase everything: /delete_me
privacy-export = Everything we hold about you that can be read; READ-ME.txt says what is where. Keep it where only you can read it.
privacy-contents =
    A copy of what is held about you.

    account.json: your account, names, settings, wallets, channels, invitations, appeals, questions about payments
    jobs.json: every job with what you asked for and what came of it, as long as both are kept (90 days)
    conversation.json: what you said in every chat, also before /new, and the answers, as long as they are kept (90 days)
    wishes.json: what you asked for and what waits, or waited, for a word of yours or for credits (30 days)
    orders.json, payments.json: what you bought, and how the payments ended
    statement.csv: every movement of your wallets
    files.json, files/: what you sent, as long as it is kept (7 days)
    projects/: what you keep in your workspace
    results/: what was made and is in no project, as long as it is kept

    A list that is long goes on in a second file, such as jobs-2.json.
    Not in here, because it says nothing of you beyond the above: the numbers of messages in our chats, at which
    providers a job was tried, counters of requests, and messages that are being handled at this moment.
privacy-delete =
    <b>Erase everything?</b>
    Your projects, requests, settings and conversations go for good.
    What you would lose of what you have: <b>{ $lost }</b>. A renewing plan is stopped.
    To take a copy along first: /export
privacy-plan = the plan { $plan } until { $until }
privacy-nothing = nothing, your wallets are empty
privacy-first-yes = Erase everything
privacy-no = No, keep it
privacy-sure = Really? This cannot be undone by anybody, us included.
privacy-second-yes = Yes, erase me
privacy-kept = Nothing was erased.
privacy-deleted = What was running is being stopped, and then everything of yours is erased. That takes a moment. Farewell!

error-private_only = This is only done in our private chat. Nothing was charged; write to me there.
