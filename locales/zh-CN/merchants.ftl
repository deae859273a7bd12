# 商户：注册、身份、注销。

help-arg-sign-up = 谁可以注册商户账户：open（任何人）、invitation（凭运营者的邀请）或 closed（默认，不开放）

sign-up-title = 注册
sign-up-lead = 为一家企业或一个人开立账户，存证和取证都以它为主体。
sign-up-owner = 存证主体
sign-up-name-hint = 与证照上一致
sign-up-number-hint = 加密保存；身份证号在页面上只显示首尾
sign-up-write = 开立账户
sign-up-declared = 名称与号码是您自己申报的：在运营者核验之前，每份证书都写“自行申报”。这里记录谁在何时申报了什么，不代为检索，也不代为投诉。
sign-up-known = 已有账户，去登录

merchants-title = 商户
merchants-lead = 在这本账本上存证的企业和个人，最近注册的在前。
merchants-none = 还没有商户。
merchants-more = 更早的
merchants-who = 主体
merchants-name = 名称
merchants-declared = 自行申报，未经核验
merchants-since = 注册时间
merchants-records = 记录
merchants-account = 账户编号
merchants-held = 法定保全中

hold-title = 法定保全
hold-hint = 保全期间，商户不能删除任何记录，也不能注销。理由写入操作日志。
hold-reason = 理由
hold-set = 设立保全
hold-lift = 解除保全

close-title = 注销账户
close-lead = 账户的密钥将被销毁，{$n} 条记录从此无人能够打开。账本不变。
close-confirm = 确认注销
close-held = 这个账户处于法定保全之中，现在不能注销。请联系运营者。
close-do = 永久注销
close-keep = 不注销
close-done = 账户已经注销
close-hint = 销毁密钥与全部数据；事先会说明哪些不能再证明。

identity-title = 主体核验
identity-hint = 名称是申报的；交给运营者核对证照以后，以前和以后的证据都写明谁在何时核实。
identity-lead = 名称与号码是自行申报的。运营者对照证照核实以后，账本上多一条记录，以前和以后的证书都写明谁、怎样、何时核实。等待期间什么都不受影响。
identity-documents = 证照
identity-documents-hint = JPEG、PNG 或 PDF，至多 {$n} 份，每份至多 {$most} MiB。加密保存，有结果后立即销毁。
identity-file = 营业执照或身份证
identity-upload = 上传
identity-take-back = 移去
identity-ask = 提交核验
identity-approved = 已核实
identity-refused = 未通过
identity-asked = 等待运营者核对

review-queue = 等待核验
review-queue-hint = 最早提交的在前。
review-title = 核验
review-hint = 对照材料核对名称和号码。查看材料会写入操作日志；有结果后材料立即销毁。
review-words = 说明
review-words-hint = 通过：看了哪些材料（写入账本，可披露）；不通过：为什么
review-approve = 通过
review-refuse = 不通过

invitations-title = 邀请注册
invitations-lead = 每个邀请是一个网址，能注册一次，到期作废。
invitations-open = 有效的邀请
invitations-closed = 现在不开放注册（[portal] sign_up = "closed"），邀请暂时不能使用。
invitations-made = 把这个网址交给受邀的人。只显示这一次：
invitations-name = 邀请谁
invitations-add = 生成邀请

act-sign-up = 注册
act-close-account = 注销账户
act-hold = 设立法定保全
act-release = 解除法定保全
act-add-document = 上传证照
act-drop-document = 移去证照
act-ask-review = 提交核验
act-look-at-document = 查看证照
act-approve-name = 通过核验
act-refuse-name = 不通过核验
act-invite-merchant = 邀请商户
act-end-invitation = 结束邀请

provider-title = 向核验方查询
provider-hint = 由第三方核对名称与号码；通过后证书写明由谁、怎样、何时核实。与运营者的核验二选一即可，互不影响。
provider-what = 将把名称与号码发给“{$name}”查询，不发送证照和其他内容。
provider-ask = 发送查询
provider-again = 下次查询不早于
provider-state-waiting = 等待查询
provider-state-pending = 对方正在核验
provider-state-verified = 已核实
provider-state-refused = 不一致
provider-state-unclear = 没有明确结果；可上传证照请运营者核对
provider-state-failed = 查询失败；可再试一次，或上传证照请运营者核对

act-ask-provider = 向核验方查询名称
act-provider-verified = 核验方核实了名称
act-provider-refused = 核验方认为不一致
act-provider-unclear = 核验方没有明确结果
act-provider-failed = 查询核验方失败
