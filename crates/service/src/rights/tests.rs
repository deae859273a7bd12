#![allow(clippy::unwrap_used)]
use super::*;
use std::fs;

struct Shop(tempfile::TempDir);

impl Shop {
    fn new(files: &[&str]) -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        for file in files {
            let path = shop.0.path().join("shop").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, table: &str) -> Result<Sidecar, Refused> {
        let path = self.path("shop/rights.csv");
        fs::write(&path, table).unwrap();
        Sidecar::read(&path, None, &[], &[self.path("shop")])
    }

    fn refused(&self, table: &str) -> String {
        self.read(table).unwrap_err().error.en
    }
}

#[test]
fn patterns_in_order_then_the_file_then_what_was_given() {
    let shop = Shop::new(&["a.jpg", "秋季/杯.jpg", "秋季/Cafe\u{301}.jpg", "b.png", ".hidden"]);
    let table = "file,pattern,title,author,basis\n\
                 秋季/Café.jpg,,Café,,\n\
                 ,**,,林晚,合同\n\
                 ,秋季/*,秋,陈清,\n";
    let sidecar = shop.read(table).unwrap();
    let given = BTreeMap::from([("title".to_owned(), "given".to_owned()), ("author".to_owned(), "given".to_owned())]);
    let claims = |name: &str| {
        let all = sidecar.claims(&shop.path("shop").join(name), &given);
        ["title", "author", "basis"].map(|n| all.get(n).cloned().unwrap_or_default())
    };
    assert_eq!(claims("a.jpg"), ["given", "林晚", "合同"]);
    assert_eq!(claims("秋季/杯.jpg"), ["秋", "陈清", "合同"]);
    assert_eq!(claims("秋季/Cafe\u{301}.jpg"), ["Café", "陈清", "合同"], "macOS decomposes names");
    assert_eq!(sidecar.lines().map(|l| l.files.unwrap()).collect::<Vec<_>>(), [1, 4, 2]);
    assert_eq!(sidecar.silent, 0, "the table itself is no picture");
}

#[test]
fn a_table_that_does_not_fit_the_folder_is_refused_by_row_and_column() {
    let shop = Shop::new(&["a.jpg", "b/a.jpg", "c.jpg"]);
    for (rows, said) in [
        ("d.jpg,,\n", "row 2, column A 'file': there is no file \"d.jpg\"; correct it"),
        ("C.JPG,,\n", "is \"c.jpg\" meant?"),
        ("x/c.jpg,,\n", "is \"c.jpg\" meant?"),
        (",*.tif,\n", "row 2, column B 'pattern': no file fits \"*.tif\""),
        ("a.jpg,,x\nb/a.jpg,,\na.jpg,,y\n", "row 4, column A 'file': \"a.jpg\" has a row already, at row 2"),
        ("a.jpg,,\u{1f63a}\n", "row 2, column C 'title': the value has a character that the certificate cannot print"),
    ] {
        let all = shop.refused(&format!("file,pattern,title\n{rows}"));
        assert!(all.contains(said) && all.contains("nothing was recorded"), "{said} in {all}");
    }
    let rows: String = (0..30).map(|n| format!("no-{n}.jpg,,\n")).collect();
    let wrong = shop.read(&format!("file,pattern,title\n{rows}")).unwrap_err();
    assert!(wrong.error.en.contains("30 places") && wrong.error.en.contains("and 10 more"), "{}", wrong.error.en);
    assert_eq!((wrong.lines.len(), wrong.lines[9].row, wrong.lines[9].column.as_deref()), (30, Some(11), Some("A")));
}

#[test]
fn one_name_in_two_folders_is_ambiguous() {
    let shop = Shop::new(&["one/a.jpg", "two/a.jpg"]);
    let table = shop.path("r.csv");
    fs::write(&table, "file,title\na.jpg,x\n").unwrap();
    let roots = [shop.path("shop/one"), shop.path("shop/two")];
    let wrong = Sidecar::read(&table, None, &[], &roots).unwrap_err();
    assert!(wrong.error.en.contains("it could be"), "{}", wrong.error.en);
    let sidecar = Sidecar::read(&table, None, &[], &roots[..1]).unwrap();
    assert_eq!(sidecar.claims(&roots[0].join("a.jpg"), &BTreeMap::new())["title"], "x");
    // A file that is named is known by its name.
    let file = [shop.path("shop/two/a.jpg")];
    assert!(Sidecar::read(&table, None, &[], &file).is_ok());
    assert!(Sidecar::read(&shop.path("none.csv"), None, &[], &file).unwrap_err().lines.is_empty());
}

#[test]
fn attachments_are_found_counted_and_no_pictures() {
    let shop = Shop::new(&["a.jpg", "b.jpg", "raw/a.cr3", "letter.pdf"]);
    let table = "file,pattern,title,attach\na.jpg,,x,raw/a.cr3|letter.pdf\n,*.jpg,,letter.pdf\n";
    let sidecar = shop.read(table).unwrap();
    let (mut rows, own) = sidecar.about("a.jpg");
    rows.extend(own);
    let names: Vec<_> = sidecar.attachments_of(&rows).into_iter().map(|p| p.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["letter.pdf", "a.cr3"], "each once, patterns first");
    assert!(sidecar.is_apart(&shop.path("shop/raw/a.cr3")) && !sidecar.is_apart(&shop.path("shop/a.jpg")));
    assert_eq!(sidecar.silent, 0, "attachments want no row");
    for (attach, said) in [
        ("none.psd", "row 2, column D 'attach': there is no attachment \"none.psd\""),
        ("../../etc/passwd", "there is no attachment"),
        ("/etc/passwd", "there is no attachment"),
        ("raw", "there is no attachment"),
    ] {
        let all = shop.refused(&format!("file,pattern,title,attach\na.jpg,,x,{attach}\n"));
        assert!(all.contains(said), "{said} in {all}");
    }
    // Ten are the most, wherever they come from.
    let many: Vec<PathBuf> = (0..10).map(|n| shop.path(&format!("{n}.psd"))).collect();
    many.iter().for_each(|path| fs::write(path, "draft").unwrap());
    fs::write(shop.path("shop/rights.csv"), table).unwrap();
    let roots = [shop.path("shop")];
    let wrong = Sidecar::read(&shop.path("shop/rights.csv"), None, &many, &roots).unwrap_err();
    assert!(wrong.error.en.contains("a picture has 12 attachments; the most is 10"), "{}", wrong.error.en);
    assert!(Sidecar::of_attachments(&many, &roots).is_ok());
    let picture = [shop.path("shop/a.jpg")];
    assert!(Sidecar::of_attachments(&picture, &picture).unwrap_err().en.contains("no attachment of its own"));
}
