# The operator's pages: queue of captures, messages given up, orders, storage, health; notices to merchants.

room-account = Account {$n}
room-house = The house’s own account

room-merchants-about = verification, legal holds, invitations
room-codes-about = activation codes and promotions
room-grants-about = give editions and packs, look what an account has
room-orders-about = orders of the market, what they gave, what was refused
room-queue-about = how many pages of each account wait
room-letters-about = messages to web hooks that were given up, mail that was not sent
room-notices-about = written to every merchant or to one
room-storage-about = how much each account keeps
room-health-about = ledger, time authorities, witnesses, in words
room-lookup-about = a record by its number or digest
room-n-asked = { $n } to verify
room-n-queued = { $n } waiting
room-n-dead = { $n } not delivered

room-queue = Queue of captures
room-queue-lead = Accounts take turns: next is whoever was served longest ago, with its oldest page. Only numbers and counts are here, no addresses of pages.
room-queue-now = Now
room-queue-at-once = at most { $n } at once
room-queue-none = Nothing waits or is being captured.
room-queue-of = {$waiting} waiting, {$running} under way
room-queue-oldest = the oldest since
room-queue-ever = All so far
room-queue-waiting = Waiting
room-queue-running = Under way
room-queue-done = With a record
room-queue-failed = Failed

room-letters = Messages not delivered
room-letters-lead = Messages to web hooks that ten tries did not deliver. Try them again or drop them; both audit logs say so. Only the host is shown, not the whole address.
room-letters-none = No message was given up.
room-letters-all = Try all of them again
room-letters-drop = Drop
room-mail = Mail that was not sent
room-mail-lead = Invitations and reset letters that the mail server did not take are tried again until their link ends, is used or is taken back. To whom and what they say is kept encrypted; only the domain is shown. What the server refused for good is not tried again by itself.
room-mail-none = No letter is held up.
room-mail-invite = Invitation
room-mail-reset = New password
room-mail-waits = is tried again

room-orders = Orders of the market
room-orders-lead = What the market ordered, what each order gave and until when.
room-orders-received = Received
room-orders-undone = undone
room-orders-refused = Refused
room-orders-refused-hint = Messages with a good signature that could not be accepted, the newest 500. Those with a bad signature are not kept.
room-orders-none-refused = No message was refused.
room-orders-told = account {$n}, came {$times} times
room-orders-was-refused = refused

room-storage = Storage
room-storage-lead = What the data folder takes, and how much each account keeps.
room-storage-all = The whole folder
room-storage-originals = Kept originals
room-storage-database = Database
room-storage-each = Each account
room-storage-each-hint = The 100 that keep most. Account 1 has no bounds and is not among them.
room-storage-none = No account keeps anything yet.
room-storage-of = keeps {$kept}, may keep {$allowed}
room-storage-full = full

room-health = Ledger and health
room-health-lead = What a monitor sees, in words.
room-health-words = Now
room-health-mail = a mail server is set up
room-health-no-mail = no mail server is set up: links are handed over by people
room-level-ok = fine
room-level-wait = to be watched
room-level-bad = needs attention
room-ledger = Ledger
room-ledger-records = Records in the database
room-ledger-sealed = Under a seal
room-ledger-final = Under the quorum
room-ledger-pending = Wait for a token or the ledger
room-authorities = Time authorities
room-authorities-hint = From outside; the embedded one is the house’s own and always there.
room-authorities-none = No outside authority is set up: the embedded one seals, which is the operator’s own.
room-authority-tokens = {$n} tokens
room-authority-last = the last
room-authority-rests = not asked before
room-authority-answering = answers
room-authority-unused = not asked yet
room-authority-failing = does not answer
room-authority-resting = does not answer, rests

notices-title = Notices
notices-lead = What the operator has told you.
notices-none = There are no notices.
notices-dismiss = Got it
notices-hint = What the operator told you, also what you have put away.
notices-room = Notices to merchants
notices-room-lead = On every page of whom they are for, until each person clicks “Got it”; they stay in a list after that.
notices-new = Write one
notices-new-hint = In one language alone, pages of both show it.
notices-zh = In Chinese
notices-en = In English
notices-account = Account number
notices-account-hint = empty: all accounts
notices-from = From
notices-from-hint = empty: at once
notices-until = Until
notices-until-hint = that day included (UTC+8)
notices-add = Send
notices-all = So far
notices-none-yet = No notice was written yet.
notices-to-all = all accounts
notices-end = Take back
notices-state-open = shown
notices-state-later = later
notices-state-past = past
notices-state-ended = taken back

act-letter-again = tried a message again
act-letter-drop = dropped a message
act-notice = wrote a notice
act-end-notice = took a notice back
act-dismiss-notice = put a notice away

export-title = Export the account’s data
export-hint = One ZIP: every record, people, audit log, movements of quota.
export-lead = All data of this account, written into a ZIP while it is read. The account’s key is needed for it, so that after closing nothing can be exported any more.
export-what = What is in it
export-what-1 = account.json: the account and whose it is
export-what-2 = records-….jsonl: a line for each record, with every claim and salt that opens it, and its time-stamps; licences also in licences-….jsonl
export-what-3 = people.jsonl: people, shops, web hooks; editions.jsonl: editions and packs
export-what-4 = captures-….jsonl, quota-….jsonl, audit-….jsonl: captures, movements of quota, the audit log
export-what-5 = no passwords, tokens, sessions or secrets of hooks; originals are downloaded in the library
export-get = Export
export-packages = with the package of each record
export-packages-hint = slower; a ZIP holds 4 GB at most, what finds no room is named in missing.txt
export-do = Download the ZIP
export-operator-hint = All data of this merchant, its whole identity number included. The reason goes into both audit logs.

act-export-account = exported the account’s data

help-arg-leave-merchants = Merchants' accounts, keys, quota and records stay in the old folder and are not moved

room-ledger-size = Leaves of the ledger
