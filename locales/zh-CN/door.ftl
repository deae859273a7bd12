# 设置、加密、验证码、日志。

help-config = 服务器的设置：quezao.toml、环境变量和命令行
help-config-check = 列出每项设置及其来源，并指出不对之处
help-arg-config = 设置文件，先于数据文件夹的 quezao.toml（也可用 QUEZAO_CONFIG）
help-arg-trusted-proxy = 代理的地址或网段，其 X-Forwarded-For 与 Forwarded 可信（可多次给出，或用逗号分开）
help-arg-tls-certificate = PEM 文件：服务器的证书，其后是签发者的；给出后门户自己加密
help-arg-tls-key-file = PEM 文件：证书的私钥
help-arg-metrics = 供监控读取指标的地址和端口（/metrics）；不写则不开
help-arg-log = 请求与事件在 stderr 上的记录形式：text 或 json
config-flag = 命令行
config-environment = 环境变量
config-default = 默认
serve-metrics = 监控指标：{$address}
serve-renewed = 已重新读取证书与私钥

help-sign-in = 能登录门户的人
help-reset = 生成一次性网址，由本人设置新密码；验证码随之关闭。门户运行时也可使用
help-arg-login = 此人的登录名
reset-made = 供 {$login} 使用一次，{$n} 分钟内有效：{$address}

code-title = 还差一个验证码
code-lead = 密码正确。请查看验证器上的验证码。
code-code = 验证码
code-or-recovery = 六位数字，或一个恢复码
code-back = 重新登录

secrets-title = 密码与验证码
account-back = 返回
password-title = 更改密码
password-old = 现在的密码
password-new = 新密码
password-save = 保存
password-hint = 这里保持登录，其他地方全部退出。程序的令牌不变。
codes-title = 登录验证码
codes-offer = 1. 告诉验证器
codes-offer-hint = 用验证器（任何支持 TOTP 的应用）扫描图片，或手工输入密钥。
codes-picture = 密钥的二维码
codes-typed = 密钥：
codes-first = 2. 验证器现在显示的六位数字
codes-begin = 以后登录都要验证码
codes-on = 登录时要验证码。剩余恢复码：{$n} 个。
codes-end = 不再要验证码
codes-recovery = 恢复码
codes-made = 以后登录都要验证码。若验证器丢失，下列每个恢复码可代替验证码一次。只显示这一次，请抄写保存。
codes-kept = 已保存
reset-title = 设置新密码
reset-hint = 这个网址只能用一次。验证码和通行密钥会停用，您生成的 API 令牌和还没用过的邀请都会失效，以您的名义登录的地方全部退出。
