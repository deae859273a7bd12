# Settings, encryption, codes, the log.

help-config = The server's settings: quezao.toml, environment and flags
help-config-check = Print every setting with where it came from, and name what is wrong
help-arg-config = A file of settings that goes before the folder's quezao.toml (else QUEZAO_CONFIG)
help-arg-trusted-proxy = Address or network of a proxy whose X-Forwarded-For and Forwarded are believed (several, or apart by commas)
help-arg-tls-certificate = PEM file: the server's certificate, then its issuers'; the portal then encrypts by itself
help-arg-tls-key-file = PEM file: the certificate's private key
help-arg-metrics = Address and port where a monitor may ask for figures (/metrics); off if nothing is said
help-arg-log = How requests and events are logged on stderr: text or json
config-flag = flag
config-environment = environment
config-default = default
serve-metrics = Figures for a monitor: {$address}
serve-renewed = Certificate and key were read again

help-sign-in = People who sign in to the portal
help-reset = Make a one-time address by which a person chooses a new password; codes are switched off. Works beside a running portal
help-arg-login = The name that the person signs in with
reset-made = For {$login}, good once and for {$n} minutes: {$address}

code-title = One code more
code-lead = The password was right. Your authenticator shows the code.
code-code = Code
code-or-recovery = Six digits, or one of your recovery codes
code-back = Start again

secrets-title = Password and codes
account-back = Back
password-title = Change the password
password-old = Present password
password-new = New password
password-save = Save
password-hint = You stay signed in here; everywhere else you are signed out. Tokens for programs stay as they are.
codes-title = Codes beside the password
codes-offer = 1. Tell your authenticator
codes-offer-hint = Read the picture with an authenticator (any that knows TOTP), or type the key.
codes-picture = The key as a QR code
codes-typed = Key:
codes-first = 2. The six digits that it shows now
codes-begin = Ask for codes from now on
codes-on = Codes are asked for. Recovery codes left: {$n}.
codes-end = Ask for codes no longer
codes-recovery = Recovery codes
codes-made = Codes are asked for from now on. Each of these stands for a code once, should the authenticator be lost. They are shown this once; keep them on paper.
codes-kept = I have kept them
reset-title = A new password
reset-hint = This address is good once. Codes and passkeys are switched off, API tokens and open invitations that you made end, and everybody signed in as you is signed out.
