# Words of the command line. Each message has one of the same id, with the same variables, in
# locales/zh-CN/cli.ftl; the tests of crates/locale compare them.
product = Quezao
verdict-verified = Consistent with the ledger
verdict-reserved = Consistent, with reservations
verdict-not-verified = Not consistent
verdict-incomplete = Incomplete
