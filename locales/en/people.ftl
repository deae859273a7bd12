# People of an account, and the operator's room. Each message has one of the same name in locales/zh-CN/people.ftl.
portal-nav-operator = Operator
operator-lead = What it takes to run this ledger for everybody who deposits on it. Only its operator sees this.
operator-rooms = Rooms
operator-house = At a glance
operator-accounts = Open accounts
operator-people = People who can sign in
operator-waiting = Records that wait for their seal
operator-free = Free on the disk
