//! `form` of a certificate: one rule of the file broken, before the platform signs and stamps it.

use super::{
    Book,
    certificate::{Seal, certificate},
    pdf::{First, Object},
};

pub fn cases(book: &mut Book) {
    pages(book);
    attached(book);
    beyond(book);
    signature(book);
}

fn first(book: &mut Book, slug: &str, what: &str, change: fn(&mut First)) {
    book.bad("form", slug, what, |b| certificate(b, move |_, s| s.first = Box::new(change)));
}

/// Puts an object where the table does not look, before the others.
fn hide(first: &mut First, number: u32, body: &str) {
    first.objects.insert(0, Object { number, generation: 0, listed: false, body: body.as_bytes().to_vec() });
}

fn pages(book: &mut Book) {
    first(book, "pdf-outside-the-table", "an object that the cross-reference table does not name", |f| {
        hide(f, 900, "<</Hidden true>>");
    });
    first(book, "pdf-object-twice", "a page that stands twice, under one number", |f| {
        hide(f, 2, "<</Type/Page/Resources<<>>/MediaBox[0 0 1 1]/Parent 1 0 R>>");
    });
    first(book, "pdf-generation", "an object of generation 1", |f| f.objects[5].generation = 1);
    first(book, "pdf-open-action", "an action when the file is opened", |f| {
        f.catalog("/Lang", "/OpenAction[2 0 R/Fit]/Lang");
    });
    first(book, "pdf-javascript", "a script in the name tree", |f| {
        let script = f.add("<</S/JavaScript/JS(app.alert\\(1\\))>>");
        f.catalog("/Names<</Emb", &format!("/Names<</JavaScript<</Names[(a){script} 0 R]>>/Emb"));
    });
    first(book, "pdf-layer", "an optional content group", |f| {
        let layer = f.add("<</Type/OCG/Name(layer)>>");
        f.catalog("/Lang", &format!("/OCProperties<</OCGs[{layer} 0 R]/D<</OFF[{layer} 0 R]>>>>/Lang"));
    });
    first(book, "pdf-annotation", "a note over the second page", |f| {
        let note = f.add("<</Type/Annot/Subtype/FreeText/Rect[0 0 595 842]/Contents(paid)/DA(/F 9 Tf)>>");
        let page = "<</Type/Page/Resources<<>>/MediaBox[0 0 595 842]/Parent 1 0 R";
        let page = f.add(&format!("{page}/Annots[{note} 0 R]>>"));
        f.replace(1, "/Count 1/Kids[2 0 R]", &format!("/Count 2/Kids[2 0 R {page} 0 R]"));
    });
    first(book, "pdf-key-twice", "a dictionary that names a key twice", |f| f.catalog("/Lang", "/Lang(en-GB)/Lang"));
    first(book, "pdf-comment", "a comment after an object's value", |f| f.objects[0].body.extend(b" % said aside"));
}

fn attached(book: &mut Book) {
    first(book, "pdf-f-and-uf", "a file with one name for old readers and one for new", |f| {
        f.replace(f.file("verify.py"), "/UF(verify.py)", "/UF(verifY.py)");
    });
    first(book, "pdf-shared-stream", "two names for one stream", |f| {
        let (own, other) = (f.stream("verify.py"), f.stream("VERIFY.txt"));
        let pair = |n: u32| format!("/F {n} 0 R/UF {n} 0 R");
        f.replace(f.file("verify.py"), &pair(own), &pair(other));
    });
    first(book, "pdf-two-streams", "one name for two streams", |f| {
        let (own, other) = (f.stream("verify.py"), f.stream("VERIFY.txt"));
        f.replace(f.file("verify.py"), &format!("/UF {own} 0 R"), &format!("/UF {other} 0 R"));
    });
    first(book, "pdf-params-size", "a stated size that is not the file's", |f| {
        let size = b"# A vector: the reader travels in real packages.\n".len();
        f.replace(f.stream("verify.py"), &format!("/Size {size}>>"), &format!("/Size {}>>", size + 1));
    });
    first(book, "pdf-not-associated", "an attached file that AF leaves out", |f| {
        let last = 2 + f.files.len();
        f.catalog(&format!(" {last} 0 R]>>"), "]>>");
    });
}

/// What is attached is evidence, and nothing else.
fn beyond(book: &mut Book) {
    let mut bad = |slug, what, name: &'static str| {
        book.bad("form", slug, what, |b| {
            certificate(b, |_, _| ());
            b.entries = Box::new(move |_, entries| entries.push((name.into(), b"{}".to_vec())));
        });
    };
    bad("pdf-attaches-original", "a certificate that attaches a file called ORIGINAL", "ORIGINAL");
    bad("pdf-attaches-listing", "a certificate that attaches package.json", "package.json");
    bad("pdf-attaches-comparison", "a certificate that attaches comparison.json", "comparison.json");
    bad("pdf-attaches-other-name", "a certificate that attaches a file of another name", "readme.html");
}

/// The signature's revision: the same signature, written in another way.
fn signature(book: &mut Book) {
    let mut bad = |slug, what, change: fn(&mut Seal)| {
        book.bad("form", slug, what, |b| certificate(b, move |_, s| change(s)));
    };
    bad("pdf-upper-case", "Contents in upper-case hexadecimal", |s| s.contents.upper = true);
    bad("pdf-padding", "padding that is not zero", |s| s.contents.last = b'1');
    bad("pdf-room", "more room than Contents needs", |s| s.contents.room = 16_384);
    bad("pdf-byte-range", "a ByteRange that leaves out two more bytes", |s| s.contents.beyond = 2);
    bad("pdf-sub-filter", "another SubFilter", |s| {
        s.opening = s.opening.replace("ETSI.CAdES.detached", "adbe.pkcs7.detached");
    });
}
