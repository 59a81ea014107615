### What a person is told when something is refused or fails: what happened, what it cost, what to do.
### The id is `error-` and the code.

error-internal = Something went wrong on our side. Nothing was charged; please try again in a moment.
error-refused = We cannot do this. Nothing was charged; check the request and try again.
error-bad_setting = The service is not set up correctly ({ $setting }: { $problem }). Nothing was charged; its operator has to correct it.

error-invalid_input = The request is not valid: { $problem }. Nothing was charged; correct it and send it again.
error-bad_amount = The amount must be more than 0, at most 100,000,000 credits and have no more than four decimals. Nothing was charged; enter another amount.
error-unknown_kind = We do not know this kind of job. Nothing was charged; choose one from the list.
error-unknown_model = We do not know the model { $model }. Nothing was charged; choose one from the list.
error-model_unavailable = The model { $model } cannot be used here right now. Nothing was charged; choose another model.
error-unknown_currency = We do not know this currency. Nothing was charged; use CREDIT, BATV or BATT.
error-unknown_package = There is no package { $package }. Nothing was charged; choose one from the list.
error-unknown_plan = There is no plan { $plan }. Nothing was charged; choose FREE, PRO or ENTERPRISE.
error-plan_given = The plan that you were given includes this one: there is nothing to buy. Nothing was changed.
error-payload_too_large = This is too large: at most { $limit_bytes } bytes. Nothing was charged; send something smaller.
error-wrong_file_type = This type of file cannot be used here. Nothing was charged; send another file.
error-media_too_heavy = The picture or video is too large to open safely. Nothing was charged; send a smaller one.
error-file_unreadable = We could not open this file. Nothing was charged; check it and send it again.
error-too_many_pages =
    The file has { $pages ->
        [one] { $pages } page
       *[other] { $pages } pages
    }; at most { $limit } can be processed. Nothing was charged; send it in parts.
error-amount_too_small = This amount is too small to convert. Nothing was charged; enter a larger one.
error-overflow = The wallet cannot hold that much. Nothing was charged; write to support.

error-unauthorized = Please sign in. Nothing was charged.
error-forbidden = You are not allowed to do this. Nothing was charged; ask the owner.
error-suspended = Your account is suspended. Running jobs finish, and nothing new is charged; write to support.
error-closed = This account is closed. Nothing was charged; write to support if this is a mistake.
error-model_not_in_plan = The model { $model } is not in your plan { $plan }. Nothing was charged; choose another model or a larger plan.

error-not_found = There is no such thing, or it is not yours. Nothing was charged; check the code.
error-no_account = You have no wallet yet. Nothing was charged; send /start to get one with free credits.
error-no_hold = There is no such reservation. Nothing was charged; check its id.
error-file_not_found = There is no such file, or it has expired. Nothing was charged; send the file again.

error-key_conflict = This key was already used for another request. Nothing new was charged; use a new key for a new request.
error-rate_changed = The rate has changed to { $rate }. Nothing was exchanged; look at the new amount and confirm again.
error-no_rate = There is no rate between these currencies now. Nothing was exchanged; try again later.
error-rate_pump = This rate, with those that lead back, would create credits out of nothing. Nothing was changed; set a lower one.
error-too_late = It is too late for this: it has ended already. Nothing new was charged; look at what became of it.
error-already_captured = This reservation was already charged. Nothing new was charged; ask for a refund instead.
error-already_released = This reservation was already returned. Nothing was charged; make a new one.
error-already_expired = This reservation has expired and its credits are back. Nothing was charged; make a new one.
error-exceeds_hold = More than was reserved cannot be charged. Nothing was charged; charge at most the reservation.
error-exceeds_capture = More than was charged cannot be returned. Nothing was returned; ask for at most what is left.
error-not_captured = This job was not charged, so there is nothing to return. If credits are reserved, they come back when it ends.

error-insufficient = You need { $price } and can spend { $available } ({ $held } more is reserved for running jobs; bonus credits cannot be exchanged or returned). Nothing was charged; top up or wait for a running job.

error-backlog_full =
    You already have { $waiting ->
        [one] { $waiting } job
       *[other] { $waiting } jobs
    } waiting. Nothing was charged; wait until some have finished.
error-daily_limit = { $used } of { $limit } requests used today in this app. Nothing was charged; the count starts again at { $reset }, or choose a larger plan.
error-rate_limited = Too many requests at once. Nothing was charged; try again in a moment.
error-disk_full = We have no room for new requests at the moment. Nothing was accepted and nothing was charged; try again later.
error-storage_full = Your workspace is full. Nothing more was charged; delete a project or choose a larger plan.

error-failed = The job failed. Your credits are back; try again.
error-provider_unavailable = The AI provider did not answer. Your credits are back if the job has ended; try again a little later.
error-provider_refused = The AI provider refused this request. Your credits are back; change the request and try again.
error-content_refused = The AI provider does not make this kind of content. Your credits are back; change the request and try again.
error-content_blocked = Our rules do not allow this kind of content. Nothing was bought and your credits are back; change the request and try again.
error-provider_unknown = The AI provider broke off and we could not learn what became of the request. Your credits are back if the job has ended; try again a little later.
error-quota_exhausted = This AI provider cannot take more work from us right now. Your credits are back; choose another model or try again later.
error-bad_result = The AI provider sent a result that we could not use. Your credits are back; try again.
error-overdue = The job took too long and was stopped. Your credits are back; try again.
error-deadline = There was not enough time left to finish this. Your credits are back; try again, or ask for something smaller.
error-cancelled = The job was cancelled. Your credits are back.
error-dead = The job kept failing and was set aside for us to look at. Your credits are back; try a different input.
error-lost_lease = Another worker has taken this job over. Nothing is charged twice; its result will come.
error-unavailable = We cannot take requests right now. Nothing was accepted and nothing was charged; try again in a moment.

### How a job ended, where that needs other words: it has the code alone, and was accepted once.
### The id is `ended-` and the code.

ended-insufficient = There were not enough credits left when it was this job's turn. Nothing was charged; top up and try again.
ended-invalid_input = This cannot be done with what was sent. Your credits are back; change the request and try again.
ended-unknown_model = The chosen model is not there any more. Your credits are back; choose another model.
ended-model_unavailable = The chosen model cannot be used right now. Your credits are back; choose another model.
ended-model_not_in_plan = The chosen model is not in your plan. Your credits are back; choose another model or a larger plan.
ended-handed_back = Time ran out while the job moved from one machine to another. Your credits are back; try again.
ended-unavailable = We could not reach our own stores in time. Your credits are back; try again.
ended-disk_full = We had no room to keep the result. Your credits are back; try again later.
