# Merchants: signing up, identity, closing.

help-arg-sign-up = Who may open a merchant’s account: open (anybody), invitation (whom the operator invites) or closed (nobody, the default)

sign-up-title = Sign up
sign-up-lead = Opens an account for a company or a person, for whom records and captures are then made.
sign-up-owner = Whose records they are
sign-up-name-hint = as on the licence or identity card
sign-up-number-hint = kept encrypted; of an identity number pages show the first and last character only
sign-up-write = Open the account
sign-up-declared = Name and number are what you declare: until the operator has verified them every certificate says “self-declared”. What is recorded here is who declared what and when; nothing is searched or complained about for you.
sign-up-known = I have an account: sign in

merchants-title = Merchants
merchants-lead = Companies and people whose records are on this ledger, the newest first.
merchants-none = There are no merchants yet.
merchants-more = Earlier ones
merchants-who = Who it is
merchants-name = Name
merchants-declared = declared, not verified
merchants-since = Signed up
merchants-records = Records
merchants-account = Account number
merchants-held = Legal hold

hold-title = Legal hold
hold-hint = While it stands the merchant can erase no record and not close the account. The reason goes into the audit log.
hold-reason = Reason
hold-set = Set the hold
hold-lift = Lift the hold

close-title = Close the account
close-lead = The account’s key is destroyed, and nobody can open its {$n} records ever again. The ledger stays as it is.
close-confirm = Confirm
close-held = A legal hold stands on this account, so it cannot be closed now. Ask whoever runs this.
close-do = Close it for good
close-keep = Keep it
close-done = The account is closed
close-hint = Destroys the key and everything else; what can no longer be proved is said beforehand.

identity-title = Verified identity
identity-hint = The name is declared; when the operator has compared your documents, earlier and later evidence says who established it and when.
identity-lead = Name and number are what you declared. When the operator has compared them with your documents, one more record on the ledger says so, and earlier and later certificates say who established the name, how and when. Waiting blocks nothing.
identity-documents = Documents
identity-documents-hint = JPEG, PNG or PDF, at most {$n}, each of at most {$most} MiB. Kept encrypted, and destroyed as soon as they are decided on.
identity-file = Business licence or identity card
identity-upload = Upload
identity-take-back = Take back
identity-ask = Ask for verification
identity-approved = Verified
identity-refused = Refused
identity-asked = Waiting for the operator

review-queue = Waiting for verification
review-queue-hint = The longest first.
review-title = Verification
review-hint = Compare name and number with the documents. Looking at one stands in the audit log; they are destroyed as soon as you decide.
review-words = In words
review-words-hint = approved: what was looked at (recorded on the ledger, can be disclosed); refused: why
review-approve = Approve
review-refuse = Refuse

invitations-title = Invitations
invitations-lead = Each invitation is an address by which one account is opened, until its day.
invitations-open = Open invitations
invitations-closed = Signing up is closed now ([portal] sign_up = "closed"), so invitations cannot be used.
invitations-made = Give this address to whom you invite. It is shown this once:
invitations-name = Whom it is for
invitations-add = Make an invitation

act-sign-up = signed up
act-close-account = closed the account
act-hold = set a legal hold
act-release = lifted a legal hold
act-add-document = uploaded a document
act-drop-document = took a document back
act-ask-review = asked for verification
act-look-at-document = looked at a document
act-approve-name = approved a name
act-refuse-name = refused a name
act-invite-merchant = invited a merchant
act-end-invitation = ended an invitation

provider-title = Ask an identity provider
provider-hint = A third party compares name and number; certificates then say who established the name, how and when. Either this or the operator’s review is enough, and neither waits for the other.
provider-what = Name and number are sent to “{$name}”, no documents and nothing else.
provider-ask = Send the question
provider-again = asked again not before
provider-state-waiting = to be asked
provider-state-pending = being looked at
provider-state-verified = Verified
provider-state-refused = Does not agree
provider-state-unclear = No clear answer; the operator can look at documents
provider-state-failed = Not answered; try again, or show the operator documents

act-ask-provider = had a provider asked about the name
act-provider-verified = the provider established the name
act-provider-refused = the provider says that it does not agree
act-provider-unclear = the provider had no clear answer
act-provider-failed = the provider did not answer
