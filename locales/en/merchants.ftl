# Merchants: signing up, identity, closing.

sign-up-title = Sign up
sign-up-lead = Opens an account for a company or a person, for whom records and captures are then made.
sign-up-owner = Whose records they are
sign-up-name-hint = as on the licence or identity card
sign-up-number-hint = kept encrypted, shown with its first and last character only
sign-up-write = Open the account
sign-up-declared = Name and number are what you declare: until the operator has verified them every certificate says “self-declared”. What is recorded here is who declared what and when; nothing is searched or complained about for you.
sign-up-known = I have an account: sign in
