# 命令行的文字。每条消息在 locales/en/cli.ftl 中有同名、同变量的一条；crates/locale 的测试核对。
product = 鹊凿
verdict-verified = 核验一致：文件与账本记录一致
verdict-reserved = 核验一致，有保留
verdict-not-verified = 核验不一致
verdict-incomplete = 尚不完整
