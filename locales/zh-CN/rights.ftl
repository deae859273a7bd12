# 权利声明：附表。
help-rights = 整个文件夹的权利声明：模板与检查
help-template = 写出一份空白的权利声明表供填写
help-rights-add = 对已有的记录补充声明：另成一条记录，原记录不变
help-rights-check = 对照文件夹检查权利声明表；不登记任何内容
help-arg-sidecar = 权利声明表：CSV、XLSX 或 TOML；登记之前先整体检查
help-arg-attach = 给每张图片附上一个文件：草稿、RAW、授权书（最多十个，各成一条记录）
help-arg-from-file = 没有声明的名称、作者、日期采用文件自带的 XMP 或 IPTC 文字，并注明是文件自己的说法
help-arg-encoding = CSV 的编码；不写则自动识别
help-arg-format = 表的格式
help-arg-to = 写入的文件（不得已存在）；不写则输出到标准输出
help-arg-table = 权利声明表：CSV、XLSX 或 TOML
help-arg-folders = 它所说的文件夹（或文件）
rights-row = 第 { $row } 行  { $target }  （{ $files } 个文件）
rights-gbk = 表按 GBK 读取；若有乱码，请加 --encoding utf-8
rights-silent = { $files } 个文件在表中没有对应的行
rights-binary = XLSX 不能显示在终端上：请用 --to 指定文件，或重定向输出
