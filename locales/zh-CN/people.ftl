# 账户中的人，和运营者的页面。每条消息在 locales/en/people.ftl 中有同名的一条。
portal-nav-operator = 运营
operator-lead = 为在这本账本上存证的所有人运行它所需要的一切。只有运营者能看到。
operator-rooms = 各页
operator-house = 概况
operator-accounts = 使用中的账户
operator-people = 能登录的人
operator-waiting = 等待封存的记录
operator-free = 磁盘剩余
