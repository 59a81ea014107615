### Inviting people and the bonus for joining our channel: /invite. A bonus is promised first and given later.

bot-command-invite = Invite somebody

invite-title = 🎁 <b>Invite somebody.</b> Whoever is new here and begins with your link is your guest:
invite-yours = For you: { amount-credits } for each guest.
invite-theirs = For your guest: { amount-credits }.
invite-rule =
    { $jobs ->
        [one] Both come when your guest has bought something, or after their first paid job.
       *[other] Both come when your guest has bought something, or after { $jobs } paid jobs. Until then they are on hold.
    }
invite-so-far = Guests so far: { $bound }; bonuses given: { $given }.
invite-channel =
    { $jobs ->
        [one] 📣 Join { $channel } and get { amount-credits }, once; they come after your first paid job.
       *[other] 📣 Join { $channel } and get { amount-credits }, once; they come when you have bought something, or after { $jobs } paid jobs.
    }
invite-joined = ✅ I have joined
invite-joined-noted =
    { $jobs ->
        [one] Noted. { amount-credits } will come after your first paid job.
       *[other] Noted. { amount-credits } will come when you have bought something, or after { $jobs } paid jobs.
    }

invite-bound =
    { $jobs ->
        [one] 🎁 You were invited: { amount-credits } more are yours after your first paid job.
       *[other] 🎁 You were invited: { amount-credits } more are yours when you have bought something, or after { $jobs } paid jobs.
    }
invite-self = This is your own link. Send it to somebody else.
invite-old = An invitation counts for people who are new here. You know us already: nothing changes for you.
invite-given-inviter = 🎁 A guest of yours has settled in: { amount-credits } for you.
invite-given-invitee = 🎁 The bonus of your invitation has come: { amount-credits }.
invite-given-joined = 🎁 The bonus for joining our channel has come: { amount-credits }.

error-not_joined = You are not in the channel yet. Nothing was charged; join it, then press again.
error-bonus_once = This bonus is there once for each account, and you know us already. Nothing was charged.
error-bonus_unavailable = We cannot see right now who is in the channel. Nothing was charged; try again later.
