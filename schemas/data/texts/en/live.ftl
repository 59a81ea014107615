### What a card says while its job runs.

live-head = <b>{ $kind }</b> · { amount-credits }
live-working = ⏳ Working on it…
live-progress = ⏳ { $bar } { $percent }%
live-rule-text = Cancel now, and you pay only for what is written.
live-rule-media = Once it has begun it runs to its end and is charged as quoted.
