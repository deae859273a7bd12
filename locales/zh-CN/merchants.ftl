# 商户：注册、身份、注销。

sign-up-title = 注册
sign-up-lead = 为一家企业或一个人开立账户，存证和取证都以它为主体。
sign-up-owner = 存证主体
sign-up-name-hint = 与证照上一致
sign-up-number-hint = 加密保存，页面上只显示首尾
sign-up-write = 开立账户
sign-up-declared = 名称与号码是您自己申报的：在运营者核验之前，每份证书都写“自行申报”。这里记录谁在何时申报了什么，不代为检索，也不代为投诉。
sign-up-known = 已有账户，去登录
