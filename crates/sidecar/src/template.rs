//! An empty table to fill in.

use crate::fields::{COLUMNS, Column, ORIGINS};
use std::io;

/// A table's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// TOML.
    Toml,
    /// CSV in UTF-8 with its mark, which Excel asks for.
    Csv,
    /// XLSX.
    Xlsx,
}

/// A table that has its head and rows that speak to people only.
pub fn template(format: Format, chinese: bool) -> io::Result<Vec<u8>> {
    match format {
        Format::Toml => Ok(toml(chinese).into_bytes()),
        Format::Csv => Ok(csv(chinese).into_bytes()),
        Format::Xlsx => xlsx(chinese),
    }
}

fn heads(chinese: bool) -> Vec<&'static str> {
    COLUMNS.iter().map(|(_, en, zh)| if chinese { zh[0] } else { en }).collect()
}

fn origins(chinese: bool) -> Vec<&'static str> {
    ORIGINS.iter().map(|(en, zh)| if chinese { *zh } else { *en }).collect()
}

/// One row that explains, and one that shows; both begin with `#`, so they are not read.
fn examples(chinese: bool) -> [Vec<String>; 2] {
    let words = if chinese {
        [
            "# 以 # 开头的行不读",
            "一行写“文件”或“匹配”之一；匹配：*.jpg、秋季/**",
            "",
            "",
            "从下拉中选",
            "",
            "2026-01-31",
            "",
            "2026-01-31",
            "",
            "https://…",
            "几个附件之间用 | 隔开",
        ]
    } else {
        [
            "# rows that begin with # are not read",
            "either file or pattern in a row; patterns: *.jpg, autumn/**",
            "",
            "",
            "choose from the list",
            "",
            "2026-01-31",
            "",
            "2026-01-31",
            "",
            "https://...",
            "attachments, | between them",
        ]
    };
    let shown = COLUMNS.iter().map(|(column, ..)| match (column, chinese) {
        (Column::File, true) => "# 秋季/IMG_0001.jpg".to_owned(),
        (Column::File, false) => "# autumn/IMG_0001.jpg".to_owned(),
        (Column::Claim("title"), true) => "釉色杯（秋）".to_owned(),
        (Column::Claim("title"), false) => "Glazed cup, autumn".to_owned(),
        (Column::Claim("author"), true) => "林晚".to_owned(),
        (Column::Claim("author"), false) => "Lin Wan".to_owned(),
        (Column::Claim("work_origin"), _) => origins(chinese)[1].to_owned(),
        (Column::Attach, true) => "底片/IMG_0001.CR3|合同.pdf".to_owned(),
        (Column::Attach, false) => "raw/IMG_0001.CR3|contract.pdf".to_owned(),
        _ => String::new(),
    });
    [words.map(str::to_owned).to_vec(), shown.collect()]
}

fn csv(chinese: bool) -> String {
    let quote = |text: &str| match text.contains(['"', ',', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let mut out = "\u{feff}".to_owned();
    let head: Vec<String> = heads(chinese).into_iter().map(str::to_owned).collect();
    for row in std::iter::once(head).chain(examples(chinese)) {
        out += &row.iter().map(|cell| quote(cell)).collect::<Vec<_>>().join(",");
        out += "\r\n";
    }
    out
}

fn toml(chinese: bool) -> String {
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let mut out = format!(
        "{}\n{}\n{}\n#\n",
        say(
            "# 权利声明：每个 [[rights]] 写 file 或 pattern 之一；后面的 pattern 覆盖前面的，file 覆盖 pattern。",
            "# Rights: each [[rights]] has a file or a pattern; a later pattern outranks an earlier one, a file a pattern."
        ),
        say(
            "# 路径相对于所登记的文件夹；pattern 中 * 不跨文件夹，** 跨文件夹。",
            "# Paths are relative to the folder that is deposited; in a pattern * stays within a folder, ** does not."
        ),
        say("# 不知道的项删去即可。", "# Leave out what you do not know."),
    );
    out += "# [[rights]]\n";
    out += &format!("# pattern = \"{}\"\n", say("秋季/**/*.jpg", "autumn/**/*.jpg"));
    out += &format!("# author = \"{}\"\n", say("林晚", "Lin Wan"));
    out += &format!("# work_origin = \"employee\"  # {}\n#\n# [[rights]]\n", origins(false).join(", "));
    out += &format!("# file = \"{}\"\n", say("秋季/IMG_0001.jpg", "autumn/IMG_0001.jpg"));
    out += &format!("# title = \"{}\"\n", say("釉色杯（秋）", "Glazed cup, autumn"));
    for (_, name, _) in &COLUMNS[5..11] {
        out += &format!("# {name} = \"{}\"\n", if name.ends_with("_at") { "2026-01-31" } else { "" });
    }
    out += &format!("# attach = [\"{}\"]\n", say("底片/IMG_0001.CR3", "raw/IMG_0001.CR3"));
    out
}

const SPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

/// Every column has the format *text*, so that the program keeps a date as it was typed; the origins are a list.
fn xlsx(chinese: bool) -> io::Result<Vec<u8>> {
    let mut rows = String::new();
    let head: Vec<String> = heads(chinese).into_iter().map(str::to_owned).collect();
    for (number, row) in (1..).zip(std::iter::once(head).chain(examples(chinese))) {
        rows += &format!("<row r=\"{number}\">");
        let style = if number == 1 { 2 } else { 1 };
        for text in row {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            rows += &format!("<c s=\"{style}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>");
        }
        rows += "</row>";
    }
    let columns = COLUMNS.len();
    let sheet = format!(
        "<worksheet xmlns=\"{SPACE}\"><sheetViews><sheetView workbookViewId=\"0\"><pane ySplit=\"1\" topLeftCell=\"A2\" \
         activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews><cols><col min=\"1\" max=\"{columns}\" \
         width=\"24\" style=\"1\" customWidth=\"1\"/></cols><sheetData>{rows}</sheetData><dataValidations count=\"1\">\
         <dataValidation type=\"list\" allowBlank=\"1\" sqref=\"E4:E100000\"><formula1>\"{}\"</formula1></dataValidation>\
         </dataValidations></worksheet>",
        origins(chinese).join(","),
    );
    let name = if chinese { "权利声明" } else { "rights" };
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" \
                 ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>{}</Types>",
                [("workbook", "sheet.main"), ("sheet1", "worksheet"), ("styles", "styles")]
                    .map(|(part, kind)| format!(
                        "<Override PartName=\"/xl/{part}.xml\" \
                     ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml\"/>"
                    ))
                    .concat()
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" \
                 Type=\"{RELATIONS}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{SPACE}\" xmlns:r=\"{RELATIONS}\"><sheets><sheet name=\"{name}\" sheetId=\"1\" \
                 r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" \
                 Type=\"{RELATIONS}/worksheet\" Target=\"sheet1.xml\"/><Relationship Id=\"rId2\" \
                 Type=\"{RELATIONS}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet xmlns=\"{SPACE}\"><fonts count=\"2\"><font><sz val=\"11\"/></font><font><b/><sz val=\"11\"/>\
                 </font></fonts><fills count=\"1\"><fill><patternFill patternType=\"none\"/></fill></fills><borders \
                 count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"3\"><xf/>\
                 <xf numFmtId=\"49\" applyNumberFormat=\"1\"/><xf numFmtId=\"49\" fontId=\"1\" applyNumberFormat=\"1\" \
                 applyFont=\"1\"/></cellXfs></styleSheet>"
            ),
        ),
        ("xl/sheet1.xml", sheet),
    ];
    let mut out = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut out);
    for (name, text) in parts {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n{text}");
        let (mut entry, config) = archive.new_file(name).start().map_err(io::Error::other)?;
        let mut writer = config.wrap(&mut entry);
        io::Write::write_all(&mut writer, text.as_bytes())?;
        let (_, descriptor) = writer.finish().map_err(io::Error::other)?;
        entry.finish(descriptor).map_err(io::Error::other)?;
    }
    archive.finish().map_err(io::Error::other)?;
    Ok(out)
}
