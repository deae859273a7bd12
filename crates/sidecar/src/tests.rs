#![allow(clippy::unwrap_used)]
use super::*;
use std::fmt::Write as _;

fn sheet(name: &str, bytes: &[u8]) -> Sheet {
    read(name, bytes, None).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}

/// Everything that is refused, in English.
fn refused(name: &str, bytes: &[u8]) -> String {
    let wrong = read(name, bytes, None).err().unwrap_or_else(|| panic!("{name} was taken"));
    wrong.iter().map(|r| r.en() + "\n").collect()
}

fn claim<'s>(sheet: &'s Sheet, row: usize, name: &str) -> &'s str {
    &sheet.rows[row].claims[name].1
}

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GBK.encode(text).0.into_owned()
}

const SHOP: &str = "文件,匹配,作品名称,作者,作品来源,完成日期,附件\r\n,*.jpg,,林晚,职务作品,,\r\n秋季/杯.jpg,,\"釉色杯,秋\",,,2026/1/3,底片/杯.CR3|合同.pdf\r\n";

#[test]
fn a_csv_is_read_in_utf_8_and_in_gbk_alike() {
    let marked = [b"\xef\xbb\xbf", SHOP.as_bytes()].concat();
    for (bytes, encoding) in
        [(SHOP.as_bytes().to_vec(), Encoding::Utf8), (marked, Encoding::Utf8), (gbk(SHOP), Encoding::Gbk)]
    {
        let sheet = sheet("权利.csv", &bytes);
        assert_eq!(sheet.encoding, Some(encoding));
        assert_eq!(claim(&sheet, 0, "work_origin"), "employee");
        assert_eq!((claim(&sheet, 1, "title"), claim(&sheet, 1, "completed_at")), ("釉色杯,秋", "2026-01-03"));
        assert!(matches!(&sheet.rows[1].target.1, Target::File(name) if name == "秋季/杯.jpg"));
        let attach: Vec<&str> = sheet.rows[1].attach.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(attach, ["底片/杯.CR3", "合同.pdf"]);
        let Target::Pattern(pattern) = &sheet.rows[0].target.1 else { panic!() };
        assert!(pattern.is_about("a/b/杯.JPG") && !pattern.is_about("a.jpg/b.png"));
    }
}

#[test]
fn gbk_bytes_in_a_utf_8_column_are_named_and_so_is_the_reverse() {
    let head = "file,title,author\n".as_bytes();
    let rows = |a: &[u8], b: &[u8], c: &[u8]| {
        let row = |n: u8, name: &[u8]| [&[b'0' + n], b".jpg,".as_slice(), name, b",", name, b"\n"].concat();
        [head.to_vec(), row(1, a), row(2, b), row(3, c)].concat()
    };
    let (utf8, other) = ("林晚".as_bytes(), gbk("林晚"));
    let said = refused("r.csv", &rows(utf8, &other, utf8));
    assert!(said.contains("row 3, column B 'title': this cell is not UTF-8") && said.contains("林晚"), "{said}");
    assert!(said.contains("row 3, column C 'author'") && !said.contains("row 2"), "{said}");
    let said = refused("r.csv", &rows(&other, utf8, &other));
    assert!(said.contains("row 3, column B 'title': this cell is UTF-8"), "{said}");
    // Told what it is, it is held to that.
    let said: String = read("r.csv", &rows(&other, &other, &other), Some(Encoding::Utf8)).unwrap_err()[0].en();
    assert!(said.contains("not UTF-8"), "{said}");
    assert!(
        refused(
            "r.csv",
            &"file,title\n1,甲".encode_utf16().flat_map(u16::to_le_bytes).fold(vec![0xff, 0xfe], |mut v, b| {
                v.push(b);
                v
            })
        )
        .contains("UTF-16")
    );
}

#[test]
fn a_short_gbk_word_that_is_utf_8_by_chance_does_not_mislead() {
    // 2 bytes each of lead C2..DF and trail A1..BF: also two letters in UTF-8.
    let chance = [0xc4, 0xa3, 0xc4, 0xa3];
    assert!(std::str::from_utf8(&chance).is_ok());
    let bytes = [b"file,title\n1.jpg,".as_slice(), &chance, b"\n2.jpg,", &gbk("釉色杯"), b"\n"].concat();
    let sheet = sheet("r.csv", &bytes);
    assert_eq!((sheet.encoding, claim(&sheet, 0, "title")), (Some(Encoding::Gbk), "模模"));
}

#[test]
fn every_wrong_cell_is_found_at_once_and_named_as_a_spreadsheet_names_it() {
    let csv = "file,title,author,work_origin,completed_at,published_url\n\n\
               1.jpg,=HYPERLINK(1),林\u{202e}晚,mine,31.1.2026,\n\
               2.jpg,\"two\nlines\",,,2026-02-30,\n\
               ,x,,,,\n\
               ../3.jpg,,,,,\n\
               4.jpg,a\0b,,,,";
    let said = refused("r.csv", csv.as_bytes());
    for part in [
        "row 3, column B 'title': \"=HYPERLINK(1)\" is a formula",
        "row 3, column C 'author': the value has a character that cannot be recorded",
        "U+202E",
        "row 3, column D 'work_origin': \"mine\" is not one of self",
        "row 3, column E 'completed_at': \"31.1.2026\" is not a date",
        "row 4, column B 'title'",
        "row 4, column E 'completed_at': \"2026-02-30\"",
        "row 5: it does not say for which file",
        "row 6, column A 'file': \"../3.jpg\" is not a relative path",
        "row 7, column B 'title'",
        "U+0000",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let windows = refused("r.csv", b"file,title\r\n\r\n1.jpg,x\r\n\r\n\r\n2.jpg,=1\r\n");
    assert!(windows.starts_with("row 6, column B"), "{windows}");
    assert!(!said.contains('\u{202e}') && !said.contains('\0'), "nothing steers a terminal");
    let long = format!("file,title\n1.jpg,{}", "杯".repeat(1400));
    assert!(refused("r.csv", long.as_bytes()).contains("the value has 4200 bytes; the most is 4096"));
}

#[test]
fn heads_are_known_once_each() {
    assert!(refused("r.csv", b"file,titel\n1,x").contains("row 1, column B 'titel': there is no such column"));
    assert!(refused("r.csv", "file,title,作品名称\n1,x,y".as_bytes()).contains("column C"));
    assert!(refused("r.csv", b"title\nx").contains("no column 'file' or 'pattern'"));
    assert!(refused("r.csv", b"file,title\n").contains("no row"));
    assert!(refused("r.csv", b"file,pattern\na,b").contains("either a file or a pattern"));
    assert!(refused("r.csv", b"pattern,title\n[a,x").contains("not a usable pattern"));
    assert!(refused("r.csv", b"file,title\na,x,stray").contains("row 2, column C: this column has no head"));
    assert!(sheet("r.csv", b"file;title\na,b;x").rows.len() == 1);
    assert!(sheet("r.tsv", b"file\ttitle\na,b\tx").rows.len() == 1);
}

#[test]
fn too_much_is_refused_before_it_is_held() {
    let mut csv = "file,title\n".to_owned();
    for n in 0..=MAX_ROWS {
        let _ = writeln!(csv, "{n},x");
    }
    assert!(refused("r.csv", csv.as_bytes()).contains("more than 100000 rows"));
    assert!(refused("r.csv", &vec![b','; 17 << 20]).contains("more than 16777216"));
    assert!(
        refused("r.csv", &[b"file".as_slice(), &[b','; 99], b"\n", &[b','; 99], b"x"].concat())
            .contains("more than 64 columns")
    );
    let attach: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    let csv = format!("file,attach\na,{}", attach.join("|"));
    assert!(refused("r.csv", csv.as_bytes()).contains("more than 10 attachments"));
}

#[test]
fn toml_names_lines_and_keys() {
    let text = "# mine\n[[rights]]\npattern = \"**/*.jpg\"\nauthor = \"林晚\"\n\n[[rights]]\nfile = \"a.jpg\"\ncompleted_at = 2026-01-31\nattach = [\"a.psd\"]\n";
    let good = sheet("r.toml", text.as_bytes());
    assert_eq!((claim(&good, 0, "author"), claim(&good, 1, "completed_at")), ("林晚", "2026-01-31"));
    assert_eq!(good.rows[1].attach[0].1, "a.psd");
    let said = refused("r.toml", b"[[rights]]\nfile = \"a\"\ntitle = 7\nborn = \"x\"\n[[rights]]\ntitle = \"x\"\n");
    for part in ["line 3, 'title': a text in quotes", "line 4, 'born': there is no such key", "line 5: it does not say"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(refused("r.toml", b"[[rights]]\nfile = a\n").starts_with("line 2: the TOML"));
    assert!(refused("r.toml", b"rights = 7\n").contains("TOML"));
    assert!(refused("r.toml", b"a = 1\n").contains("TOML"));
    assert!(refused("r.toml", &gbk("# 林晚\n")).contains("not UTF-8"));
    let deep = format!("a = {}", "[".repeat(1 << 20));
    assert!(refused("r.toml", deep.as_bytes()).contains("TOML"));
}

#[test]
fn what_libreoffice_writes_is_read() {
    let sheet = sheet("libreoffice.xlsx", include_bytes!("../fixtures/libreoffice.xlsx"));
    assert_eq!(sheet.rows.len(), 3);
    assert_eq!((claim(&sheet, 0, "author"), claim(&sheet, 0, "work_origin")), ("林喆珺", "employee"));
    assert_eq!(claim(&sheet, 1, "title"), "釉色杯（秋） & “霜”");
    assert_eq!((claim(&sheet, 1, "completed_at"), claim(&sheet, 1, "published_at")), ("2025-10-03", "2025-11-11"));
    assert_eq!(claim(&sheet, 1, "published_url"), "https://example.com/item?id=1&c=2");
    assert_eq!((claim(&sheet, 2, "title"), claim(&sheet, 2, "completed_at")), ("2026", "2026-01-31"));
    assert_eq!(sheet.rows[2].attach[0].1, "合同.pdf");
}

#[test]
fn each_template_is_understood_and_has_no_row_yet() {
    for chinese in [true, false] {
        for (format, name) in [(Format::Csv, "t.csv"), (Format::Xlsx, "t.xlsx"), (Format::Toml, "t.toml")] {
            let bytes = template(format, chinese).unwrap();
            assert_eq!(refused(name, &bytes), "the table: there is no row in the table\n");
        }
        // Without their #, the examples are a table.
        for (format, name) in [(Format::Csv, "t.csv"), (Format::Toml, "t.toml")] {
            let text = String::from_utf8(template(format, chinese).unwrap()).unwrap();
            let lines = text.lines().skip(if format == Format::Csv { 0 } else { 4 });
            let mut lines: Vec<&str> = lines.map(|l| l.strip_prefix("# ").unwrap_or(l)).collect();
            if format == Format::Csv {
                lines.remove(1);
            } else {
                lines.retain(|l| !l.starts_with('#'));
            }
            assert!(!sheet(name, lines.join("\n").as_bytes()).rows.is_empty());
        }
    }
}

/// An XLSX of one sheet with this inside `worksheet`, and these other parts.
fn xlsx(sheet: &str, more: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    let relations = |list: &str| format!("<Relationships>{list}</Relationships>").into_bytes();
    let parts = [
        ("[Content_Types].xml", b"<Types/>".to_vec()),
        ("_rels/.rels", relations("<Relationship Id='a' Type='x/officeDocument' Target='xl/workbook.xml'/>")),
        ("xl/workbook.xml", b"<workbook xmlns:r='r'><sheets><sheet name='a' r:id='h' state='hidden'/><sheet name='b' r:id='s'/></sheets></workbook>".to_vec()),
        ("xl/_rels/workbook.xml.rels", relations("<Relationship Id='s' Type='x/worksheet' Target='/xl/s.xml'/><Relationship Id='t' Type='x/styles' Target='styles.xml'/>")),
        ("xl/styles.xml", b"<styleSheet><numFmts><numFmt numFmtId='170' formatCode='&quot;day&quot;0'/></numFmts><cellXfs><xf/><xf numFmtId='31'/><xf numFmtId='170'/></cellXfs></styleSheet>".to_vec()),
        ("xl/s.xml", format!("<worksheet>{sheet}</worksheet>").into_bytes()),
    ];
    let mut parts: Vec<(&str, Vec<u8>)> = parts.to_vec();
    for (name, bytes) in more {
        parts.retain(|(known, _)| known != name);
        parts.push((name, bytes.clone()));
    }
    for (name, bytes) in parts {
        let (mut entry, config) =
            archive.new_file(name).compression_method(rawzip::CompressionMethod::DEFLATE).start().unwrap();
        let packer = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::fast());
        let mut writer = config.wrap(packer);
        std::io::Write::write_all(&mut writer, &bytes).unwrap();
        let (packer, descriptor) = writer.finish().unwrap();
        packer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    out
}

fn text(cell: &str, value: &str) -> String {
    format!("<c r='{cell}' t='inlineStr'><is><t>{value}</t></is></c>")
}

fn head() -> String {
    format!("<row r='1'>{}{}{}</row>", text("A1", "file"), text("B1", "title"), text("C1", "completed_at"))
}

#[test]
fn an_xlsx_says_only_what_its_author_sees() {
    let rows = |row: &str| xlsx(&format!("<sheetData>{}{row}</sheetData>", head()), &[]);
    let good = rows(&format!("<row r='3'>{}<c r='B3'/><c r='C3' s='1'><v>46053</v></c></row>", text("A3", "a.jpg")));
    assert_eq!(claim(&sheet("r.xlsx", &good), 0, "completed_at"), "2026-01-31");
    for (row, said) in [
        ("<c r='B2'><f>1+1</f><v>2</v></c>", "row 2, column B 'title': the cell has a formula"),
        ("<c r='B2' t='str'><f>A1</f><v>x</v></c>", "formula"),
        ("<c r='B2' t='e'><v>#REF!</v></c>", "the error #REF!"),
        ("<c r='B2' t='b'><v>1</v></c>", "logical"),
        ("<c r='B2'><v>0.1</v></c>", "the number 0.1"),
        (
            "<c r='B2' s='1'><v>46053</v></c>",
            "row 2, column B 'title': the spreadsheet keeps it as the date 2026-01-31",
        ),
        ("<c r='C2' s='1'><v>46053.5</v></c>", "whole day"),
        ("<c r='C2' s='1'><v>60</v></c>", "whole day"),
        ("<c r='C2' s='2'><v>46053</v></c>", "column C 'completed_at': \"46053\" is not a date"),
        ("<c r='C2' t='s'><v>9</v></c>", "not a whole XLSX"),
        ("<c r='2C'><v>9</v></c>", "not a whole XLSX"),
    ] {
        let all = refused("r.xlsx", &rows(&format!("<row r='2'>{}{row}</row>", text("A2", "a.jpg"))));
        assert!(all.contains(said), "{said} in {all}");
    }
    let hidden = rows(&format!("<row r='2' hidden='1'>{}</row>", text("A2", "a.jpg")));
    assert!(refused("r.xlsx", &hidden).contains("row 2, column A 'file': it lies in a hidden row"));
    let data = format!("<sheetData>{}<row>{}</row></sheetData>", head(), text("A2", "a.jpg"));
    let column = xlsx(&format!("<cols><col min='1' max='1' hidden='true'/></cols>{data}"), &[]);
    assert!(refused("r.xlsx", &column).contains("hidden"));
    let merged = xlsx(&format!("{data}<mergeCells><mergeCell ref='B2:B9'/></mergeCells>"), &[]);
    assert!(refused("r.xlsx", &merged).contains("row 2, column B: B2:B9 is a merged cell"));
}

#[test]
fn a_hostile_xlsx_is_named_and_costs_little() {
    let data = format!("<sheetData>{}<row>{}</row></sheetData>", head(), text("A2", "a.jpg"));
    assert!(refused("r.xlsm", &xlsx(&data, &[])).contains("macros"));
    assert!(refused("r.xlsx", &xlsx(&data, &[("xl/vbaProject.bin", vec![0])])).contains("macros"));
    let types =
        b"<Types><Override ContentType='application/vnd.ms-excel.sheet.macroEnabled.main+xml'/></Types>".to_vec();
    assert!(refused("r.xlsx", &xlsx(&data, &[("[Content_Types].xml", types)])).contains("macros"));
    // 70 MiB of blanks in some kilobytes.
    let bomb = xlsx(&data, &[("xl/styles.xml", [b"<styleSheet>".as_slice(), &vec![b' '; 70 << 20]].concat())]);
    assert!(bomb.len() < 1 << 20);
    assert!(refused("r.xlsx", &bomb).contains("unpacks to more than 64 MiB"));
    let laughs = b"<!DOCTYPE a [<!ENTITY b 'cc'>]><styleSheet/>".to_vec();
    assert!(refused("r.xlsx", &xlsx(&data, &[("xl/styles.xml", laughs)])).contains("document type"));
    let million = format!("<sheetData>{}<row>{}</row></sheetData>", head(), text("A1000000", "a.jpg"));
    assert!(refused("r.xlsx", &xlsx(&million, &[])).contains("row 1000000: the table has more than 100000 rows"));
    // One long text that many cells share.
    let shared = format!("<sst><si><t>{}</t></si></sst>", "x".repeat(1 << 20));
    let relations = "<Relationships><Relationship Id='s' Type='x/worksheet' Target='s.xml'/><Relationship Id='t' Type='x/sharedStrings' Target='t.xml'/></Relationships>";
    let cells: String = (2..400).map(|n| format!("<row><c r='A{n}' t='s'><v>0</v></c></row>")).collect();
    let many = xlsx(
        &format!("<sheetData>{}{cells}</sheetData>", head()),
        &[("xl/_rels/workbook.xml.rels", relations.into()), ("xl/t.xml", shared.into())],
    );
    assert!(refused("r.xlsx", &many).contains("too much in the table"));
    assert!(refused("r.xlsx", b"\xd0\xcf\x11\xe0old").contains("password"));
    let whole = xlsx(&data, &[]);
    for cut in (0..whole.len()).step_by(7) {
        let _ = read("r.xlsx", &whole[..cut], None);
    }
    assert!(refused("r.csv", &whole).contains("not CSV"));
    assert!(refused("r.ods", &whole).contains("save it as .xlsx"));
    assert!(refused("r.exe", &whole).contains("must end in"));
}
