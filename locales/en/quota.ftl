# Editions, quota, activation.
help-edition = Editions and packs: what is offered
help-edition-list = Print them: those of editions.toml, or the samples
edition-samples = There is no editions.toml in the data folder: these are the samples
edition-line = { $name }: { $title } · { $months } months · a month: { $deposits } deposits, { $captures } captures · { $storage } · { $seats } people · { $features }
pack-line = { $name }: { $title } · { $months } months · in all: { $deposits } deposits, { $captures } captures · { $storage } · { $seats } people
activate-title = This account is not activated yet
activate-lead = You can sign in and verify certificates. Registering and capturing begin once it is activated.
activate-add = Add to this account
activate-add-lead = A further code adds to what the account has.
activate-is = What it does
activate-does = It does
activate-does-1 = record your pictures: content, owner, time
activate-does-2 = record pages of others: what they showed that day
activate-does-3 = issue certificates that anybody can verify
activate-does-not = It does not
activate-does-not-1 = search for infringements
activate-does-not-2 = complain for you, or tell the other side
activate-does-not-3 = limit to whom you license your pictures
activate-given = Waiting for you
activate-giver = Given by
activate-gift = gift
activate-contains = What it contains
activate-until = Ends
activate-lasts = How long
activate-months = { $n ->
    [one] { $n } month from activation
   *[other] { $n } months from activation
    }
activate-code = Activation code
activate-other-code = Or by a code
activate-code-hint = An activation code or the code of a gift.
activate-code-label = Code
activate-code-form = 16 letters and digits; small or capital
activate-code-until = To be used until
activate-look = See what it gives
activate-back = Another code
activate-tick = I understand: it records; it does not search, does not complain, and does not limit licensing
activate-submit = Activate
activate-order = Ordering
activate-number = This account's number, where an order asks for it: { $n }
edition-title = Edition and quota
edition-hint = What the account includes, what is left, every movement.
edition-open = Edition and movements
edition-add = Enter a code
edition-house = This account is the folder owner's: nothing of it is counted.
edition-lead = { $name }, until { $until } (UTC+8).
edition-none = No edition holds now. Evidence can still be seen and downloaded.
edition-short = Not enough left
edition-left = What is left
edition-unit-deposit = Deposits
edition-unit-capture = Captures
edition-storage = Storage
edition-used = { $used } of { $all } used
edition-used-held = { $used } of { $all } used, { $held } reserved
edition-kept = { $kept } held
remaining-deposit = { $n ->
    [one] { $n } deposit and { $storage } of storage are left.
   *[other] { $n } deposits and { $storage } of storage are left.
    }
remaining-deposit-none = No deposits are left: add a pack, upgrade, or wait for the next period.
compare-lacks = This account's edition has no comparisons.
capture-lacks = This account's edition has no captures.
remaining-made = Collections and comparisons that can still be made within 24 hours: { $n }. They take no deposits.
remaining-made-none = No more collections or comparisons can be made within these 24 hours; come back later.
remaining-capture = { $n ->
    [one] { $n } capture and { $storage } of storage are left.
   *[other] { $n } captures and { $storage } of storage are left.
    }
remaining-over = The edition has expired; what a pack gave is used until the pack ends.
remaining-capture-none = No captures are left: add a pack, upgrade, or wait for the next period.
edition-first = What is used first
edition-first-hint = What expires first.
edition-from = From
edition-of = Of
edition-until = Until
edition-there = Left
edition-source-code = activation code { $reference }
edition-source-promotion = promotion { $reference }, { $giver }
edition-source-grant = { $giver }
edition-source-order = order { $reference }
edition-includes = What it includes
edition-has = Included
edition-lacks = Not included
edition-lacks-hint = Other editions have it.
edition-seats = { $n ->
    [one] { $n } person
   *[other] { $n } people
    }
edition-deposits = { $n ->
    [one] { $n } deposit
   *[other] { $n } deposits
    }
edition-captures = { $n ->
    [one] { $n } capture
   *[other] { $n } captures
    }
edition-deposits-monthly = { $n ->
    [one] { $n } deposit a month
   *[other] { $n } deposits a month
    }
edition-captures-monthly = { $n ->
    [one] { $n } capture a month
   *[other] { $n } captures a month
    }
edition-other = Later and earlier
edition-ended = Ended early
moves-title = Every movement
moves-csv = Export CSV
moves-none = Nothing yet.
moves-older = Older
moves-at = Time (UTC+8)
moves-what = What
moves-subject = Number or name
moves-why = Why
moves-who = Who
moves-deposits = Deposits
moves-captures = Captures
moves-bytes = Bytes
moves-granted = Given
moves-ended = Ended
moves-freed = Bytes given back
moves-spent-deposit = Deposit
moves-spent-capture = Capture
moves-refused-deposit = Refused, not charged
moves-refused-capture = Failed, not charged
codes-room = Activation codes
codes-room-lead = Each is shown once. The folder keeps its digest and first four letters.
codes-room-made = Shown this once:
codes-new = New codes
codes-new-hint = More than one use makes it a promotion.
codes-count = How many
codes-days = Can be used for, days
codes-uses = Accounts that may use each
codes-uses-hint = 1 for a single-use code
codes-note = Note for yourself
codes-make = Make
codes-make-csv = Make, as CSV
codes-all = All codes
codes-none = None yet.
codes-used = { $used } of { $uses } used
codes-used-up = Used up
grants-room = Grants and orders
grants-lead = Give an account an edition or a pack, and see what it has.
grants-give = Give
grants-account = Account number
grants-edition = Edition or pack
grants-months = Months
grants-months-hint = Empty: as the edition says
grants-gift = As a gift
grants-submit = Give
grants-has = What an account has
grants-look = Look
grants-nothing = Nothing yet.
grants-not-open = Not now
grants-orders = Orders of the market
grants-no-orders = None yet.
grants-order = Account { $account }, { $n } periods
grants-paid = Paid
grants-cancelled = Cancelled
grants-refunded = Refunded
help-code = Activation codes
help-code-make = Make codes; each is printed this once
help-grant = Give an account an edition or a pack
help-market-secret = Make the secret by which a service market signs orders, in place of any earlier one
help-arg-edition = Edition or pack by its name (edition list)
help-arg-count = How many codes (1)
help-arg-uses = How many accounts may use each; more than one is a promotion (1)
help-arg-days = For how many days it can be used (90)
help-arg-months = For how many months; else as the edition says
help-arg-gift = As a gift
help-arg-note = The operator's own words about it
help-arg-account = The account's number
grant-made = Given: number { $n }, account { $account }
market-secret-made = Shown this once; the market signs with it (docs/market.md):
