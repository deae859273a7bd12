# 运营者的各页：取证队列、未送达的消息、订单、存储、健康；给商户的通知。

room-account = 账户 {$n}
room-house = 本平台自己的账户

room-merchants-about = 核验、保全、邀请注册
room-codes-about = 激活码与活动码
room-grants-about = 直接授予版本与加量包，查看某个账户有什么
room-orders-about = 服务市场的订单，给出了什么，拒绝了什么
room-queue-about = 各账户排着多少页
room-letters-about = 放弃投递的回调消息，没有发出的邮件
room-notices-about = 写给所有商户或某一个
room-storage-about = 各账户保存了多少
room-health-about = 账本、时间机构、见证节点，用文字说明
room-lookup-about = 凭编号或摘要查账本
room-n-asked = { $n } 个待核验
room-n-queued = { $n } 页排队
room-n-dead = { $n } 条未送达

room-queue = 取证队列
room-queue-lead = 各账户轮流取证：轮到最久没有轮到的账户，取它最早提交的一页。这里只有编号和数量，不显示网址。
room-queue-now = 现在
room-queue-at-once = 同时至多 { $n } 页
room-queue-none = 没有在排队或进行中的取证。
room-queue-of = 排队 {$waiting} 页，进行中 {$running} 页
room-queue-oldest = 最早提交于
room-queue-ever = 累计
room-queue-waiting = 排队
room-queue-running = 进行中
room-queue-done = 已有记录
room-queue-failed = 失败

room-letters = 未送达的消息
room-letters-lead = 十次都没有送到的回调消息。可以重新投递，也可以丢弃；都写入双方的操作日志。只显示对方主机，不显示完整网址。
room-letters-none = 没有放弃投递的消息。
room-letters-all = 全部重新投递
room-letters-drop = 丢弃
room-mail = 没有发出的邮件
room-mail-lead = 邮件服务器没有收下的邀请和重置信，自动再试，直到信中的网址失效、用过或收回。收件人和内容加密保存，这里只显示域名。服务器明确拒收的不再自动重试。
room-mail-none = 没有未发出的邮件。
room-mail-invite = 邀请
room-mail-reset = 重设密码
room-mail-waits = 会自动再试

room-orders = 市场订单
room-orders-lead = 服务市场发来的订单，每个给出了什么、到什么时候。
room-orders-received = 已接收
room-orders-undone = 已撤销
room-orders-refused = 已拒绝
room-orders-refused-hint = 签名正确而内容不能接受的消息，最近 500 条。签名不对的不记录。
room-orders-none-refused = 没有被拒绝的消息。
room-orders-told = 账户 {$n}，收到 {$times} 次
room-orders-was-refused = 已拒绝

room-storage = 存储
room-storage-lead = 数据文件夹占用多少，各账户保存了多少。
room-storage-all = 整个文件夹
room-storage-originals = 保存的原件
room-storage-database = 数据库
room-storage-each = 各账户
room-storage-each-hint = 最多的 100 个在前。账户 1 没有上限，不在其中。
room-storage-none = 还没有账户保存内容。
room-storage-of = 保存 {$kept}，可保存 {$allowed}
room-storage-full = 已满

room-health = 账本与健康
room-health-lead = 监控看到的，用文字说明。
room-health-words = 现在
room-health-mail = 已配置发信服务器
room-health-no-mail = 没有配置发信服务器：邀请和重置的网址由人转交
room-level-ok = 正常
room-level-wait = 请留意
room-level-bad = 需要处理
room-ledger = 账本
room-ledger-records = 数据库中的记录
room-ledger-sealed = 已盖时间戳
room-ledger-final = 已满足见证要求
room-ledger-pending = 等待时间戳或账本
room-authorities = 时间机构
room-authorities-hint = 外部的；内置的由平台自己运行，一直可用。
room-authorities-none = 没有设置外部时间机构，由内置的盖章（平台自签时间标记）。
room-authority-tokens = 时间戳 {$n} 个
room-authority-last = 最近一个
room-authority-rests = 暂停询问至
room-authority-answering = 正常
room-authority-unused = 还没有问过
room-authority-failing = 未应答
room-authority-resting = 未应答，暂停询问

notices-title = 通知
notices-lead = 运营者发给您的通知。
notices-none = 没有通知。
notices-dismiss = 知道了
notices-hint = 运营者发给您的通知，看过的也在这里。
notices-room = 给商户的通知
notices-room-lead = 显示在收到者的每一页上，直到各人点“知道了”，之后仍在其通知列表里。
notices-new = 写一条
notices-new-hint = 只写一种语言时，两种语言的页面都显示它。
notices-zh = 中文
notices-en = 英文
notices-account = 账户编号
notices-account-hint = 留空则发给所有账户
notices-from = 从哪天起
notices-from-hint = 留空则立即
notices-until = 到哪天为止
notices-until-hint = 含当天（UTC+8）
notices-add = 发出
notices-all = 已发出的
notices-none-yet = 还没有发过通知。
notices-to-all = 所有账户
notices-end = 撤下
notices-state-open = 显示中
notices-state-later = 还没到
notices-state-past = 已过期
notices-state-ended = 已撤下

act-letter-again = 重新投递消息
act-letter-drop = 丢弃未送达的消息
act-notice = 发出通知
act-end-notice = 撤下通知
act-dismiss-notice = 看过通知

export-title = 导出账户数据
export-hint = 一个 ZIP：全部记录、成员、操作日志、额度明细。
export-lead = 这个账户的全部数据，边读边写成一个 ZIP。需要账户的密钥，所以注销以后再也无法导出。
export-what = 其中有什么
export-what-1 = account.json：账户与主体
export-what-2 = records-….jsonl：每条记录一行，连同能打开它的全部声明与盐、时间戳；授权另列 licences-….jsonl
export-what-3 = people.jsonl：成员、店铺、回调；editions.jsonl：版本与加量包
export-what-4 = captures-….jsonl、quota-….jsonl、audit-….jsonl：取证、额度明细、操作日志
export-what-5 = 不含密码、令牌、会话、回调密钥；原件请在证据库下载
export-get = 导出
export-packages = 同时包含每条记录的证据包
export-packages-hint = 较慢；ZIP 至多 4 GB，放不下的在 missing.txt 中列出
export-do = 下载 ZIP
export-operator-hint = 这个商户的全部数据，包括完整的身份号码。理由写入双方的操作日志。

act-export-account = 导出账户数据

help-arg-leave-merchants = 商户的账户、密钥、额度和记录留在旧文件夹，不移到新文件夹

room-ledger-size = 账本的条目
