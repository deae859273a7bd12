# Rights: sidecars.
help-rights = Rights of a whole folder: the table's template, and its check
help-template = Write an empty table of rights to fill in
help-rights-add = Claim something further of a record: a record of its own, which changes nothing of the first
help-rights-check = Check a table of rights against a folder; record nothing
help-arg-sidecar = Table of rights: CSV, XLSX or TOML; checked as a whole before anything is recorded
help-arg-attach = Attach a file to every picture: draft, RAW, letter (up to ten; each becomes a record of its own)
help-arg-from-file = Take title, author and date from the file's own XMP or IPTC where nobody claims them, marked as the file's own words
help-arg-encoding = The CSV's encoding; else it is recognised
help-arg-format = The table's format
help-arg-to = File to write (it must not exist yet); else standard output
help-arg-table = Table of rights: CSV, XLSX or TOML
help-arg-folders = Folders (or files) that it is about
rights-row = row { $row }  { $target }  ({ $files } files)
rights-gbk = The table was read as GBK; if characters are wrong, say --encoding utf-8
rights-silent = { $files } files are in no row of the table
rights-binary = An XLSX does not belong on a terminal: name a file with --to, or redirect
