#![allow(clippy::unwrap_used)]
use super::*;
use crate::zip;
use proptest::prelude::*;

const AT: Utc = Utc(1_795_489_500_123_456);

fn about() -> About {
    About { software: "quezao 0.1.0".into(), created: AT, title: Some("首页 é\u{202e}".into()) }
}

fn exchange(url: &str, body: &[u8]) -> Exchange {
    let request = Message::reported("GET / HTTP/1.1", [("Host", "a")], Body::empty());
    let fields = [("Content-Type", "text/html; charset=GBK"), ("Content-Encoding", "br"), ("content-length", "9")];
    let response = Message::reported("HTTP/1.1 200 OK", fields, body.to_vec().into());
    Exchange {
        url: url.into(),
        at: AT,
        request,
        response: Some(response),
        ip_address: Some([203, 0, 113, 9].into()),
        protocols: vec!["h2".into(), "tls/1.3".into()],
        cipher: Some("TLS_AES_128_GCM_SHA256".into()),
    }
}

fn resource(name: &str, label: Option<&str>, bytes: &[u8]) -> Resource {
    let body = Body::Source(Box::new(Cursor::new(bytes.to_vec())));
    Resource { name: name.into(), label: label.map(str::to_owned), content_type: "image/png".into(), at: AT, body }
}

fn page() -> Page {
    Page {
        url: "https://shop.example/".into(), title: Some("店\n\"铺\"".into()), at: AT, text: Some("a\u{0}b".into())
    }
}

fn filled() -> Writer<Cursor<Vec<u8>>> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), &about()).unwrap();
    writer.exchange(exchange("https://shop.example/", b"<p>hello</p>")).unwrap();
    let mut lost = exchange("https://shop.example/a.png?x=1", b"");
    lost.response = None;
    writer.exchange(lost).unwrap();
    writer.resource(resource("screenshot-full", None, &[7; 3000])).unwrap();
    writer.resource(resource("contact", Some("shop-example"), b"proof")).unwrap();
    writer.page(page()).unwrap();
    writer
}

fn sample() -> Vec<u8> {
    let (out, summary) = filled().finish().unwrap();
    assert_eq!((summary.size, summary.records), (out.get_ref().len() as u64, 6));
    out.into_inner()
}

fn parse(bytes: &[u8]) -> Result<Wacz> {
    read(&mut in_memory(bytes))
}

fn parts(wacz: &[u8]) -> Vec<(String, Vec<u8>)> {
    zip::decode(wacz, |_, _| Ok(())).unwrap().into_iter().map(|(n, b)| (n.to_owned(), b.to_vec())).collect()
}

/// The gzip members of the WARC, by the lengths that the reader found.
fn members(wacz: &[u8]) -> Vec<Vec<u8>> {
    let (read, warc) = (parse(wacz).unwrap(), parts(wacz).remove(0).1);
    let start = zip::LOCAL_LENGTH + cdxj::WARC.len();
    let mut cuts: Vec<usize> = read.entries.iter().map(|e| e.offset as usize - start).collect();
    cuts.insert(0, 0);
    cuts.push(warc.len());
    cuts.windows(2).map(|w| warc[w[0]..w[1]].to_vec()).collect()
}

/// Everything after the WARC made anew, as a careful forger would.
fn around(warc: Vec<u8>, entries: &[Entry]) -> Vec<u8> {
    let start = (zip::LOCAL_LENGTH + cdxj::WARC.len()) as u64;
    let lists = [cdxj::index(entries, start).unwrap(), cdxj::pages(&[page()]).unwrap()];
    let mut all = vec![(cdxj::WARC.to_owned(), warc)];
    all.extend([cdxj::INDEX, cdxj::PAGES].map(str::to_owned).into_iter().zip(lists));
    zip::encode(&listed(all)).unwrap()
}

fn listed(mut all: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    all.truncate(3);
    let of = |b: &Vec<u8>| cdxj::Listed { size: b.len() as u64, sha256: evidence::digest::sha256(b) };
    let package = cdxj::package(&about(), &page(), &all.iter().map(|e| of(&e.1)).collect::<Vec<_>>()).unwrap();
    let digest = cdxj::digest(&package).unwrap();
    all.extend([(cdxj::PACKAGE.to_owned(), package), (cdxj::DIGEST.to_owned(), digest)]);
    all
}

fn pack(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |b: &[u8]| {
        out.extend_from_slice(b);
        Ok(())
    };
    let mut packer = gzip::Packer::begin(miniz_oxide::deflate::CompressionLevel::BestSpeed, &mut put).unwrap();
    packer.write(text, &mut put).unwrap();
    packer.finish(&mut put).unwrap();
    out
}

fn unpack(member: &[u8]) -> Vec<u8> {
    miniz_oxide::inflate::decompress_to_vec(&member[10..]).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let bytes = sample();
    assert_eq!(bytes, sample());
    let read = parse(&bytes).unwrap();
    assert_eq!((read.pages.as_slice(), &read.about), ([page()].as_slice(), &about()));
    let kinds: Vec<&str> = read.entries.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, ["request", "response", "request", "resource", "resource"]);
    let mut source = in_memory(&bytes);
    let mut payload = |e: &Entry| read.payload(&mut source, e, 1 << 20).unwrap();
    assert_eq!(payload(&read.entries[1]), b"<p>hello</p>");
    assert_eq!(payload(read.find("screenshot-full").unwrap()), [7; 3000]);
    assert_eq!(payload(read.find("contact/shop-example").unwrap()), b"proof");
    assert!(read.find("contact").is_none());
    assert!(read.payload(&mut source, &read.entries[3], 2999).is_err());
    assert_eq!(read.entries[1].status, Some(200));
    let response = String::from_utf8(unpack(&members(&bytes)[2])).unwrap();
    for part in [
        "WARC-IP-Address: 203.0.113.9\r\nWARC-Protocol: h2\r\nWARC-Protocol: tls/1.3\r\n",
        "x-orig-Content-Encoding: br\r\nx-orig-content-length: 9\r\n\r\n<p>",
        "Quezao-Head: browser\r\nQuezao-Body: decoded\r\n",
    ] {
        assert!(response.contains(part), "{response}");
    }
}

#[test]
fn other_tools_read_the_gzip_of_every_member() {
    for member in members(&sample()) {
        let text = unpack(&member);
        assert!(text.starts_with(b"WARC/1.1\r\n") && text.ends_with(b"\r\n\r\n"));
    }
    for size in [0usize, 1, 70_000, 5 << 20] {
        let bytes: Vec<u8> = (0..size).map(|n| ((n * n) >> 7) as u8).collect();
        assert_eq!(unpack(&pack(&bytes)), bytes);
    }
}

#[test]
fn large_bodies_pass_in_pieces() {
    let mut writer = filled();
    let big: Vec<u8> = (0..9u32 << 20).map(|n| (n.wrapping_mul(n) >> 11) as u8).collect();
    writer.exchange(exchange("https://shop.example/big", &big)).unwrap();
    writer.resource(resource("pdf", None, &big)).unwrap();
    let bytes = writer.finish().unwrap().0.into_inner();
    let read = parse(&bytes).unwrap();
    assert_eq!(read.payload(&mut in_memory(&bytes), read.find("pdf").unwrap(), 1 << 30).unwrap(), big);
}

#[test]
fn no_bit_is_free() {
    let good = sample();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert!(parse(&bad).is_err(), "byte {at}");
        if at % 7 == 0 {
            assert!(parse(&good[..at]).is_err(), "cut at {at}");
        }
    }
    assert!(parse(&[good.as_slice(), b"\0"].concat()).is_err());
    assert!(parse(&[b"\0".as_slice(), &good].concat()).is_err());
}

#[test]
fn foreign_missing_moved_and_renamed_files_are_refused() {
    let all = parts(&sample());
    assert!(parse(&zip::encode(&all).unwrap()).is_ok());
    for n in 0..all.len() {
        let (mut without, mut twice, mut renamed, mut empty) = (all.clone(), all.clone(), all.clone(), all.clone());
        without.remove(n);
        twice.insert(n, all[n].clone());
        renamed[n].0.push('x');
        empty[n].1.clear();
        for (bad, what) in [(without, "without"), (twice, "twice"), (renamed, "renamed"), (empty, "empty")] {
            assert!(parse(&zip::encode(&bad).unwrap()).is_err(), "{what} {n}");
        }
        for name in ["archive/more.warc.gz", "indexes/index.cdx.gz", "pages/extra.jsonl", "readme", "fuzzy"] {
            let mut more = all.clone();
            more.insert(n, (name.into(), b"x".to_vec()));
            assert!(parse(&zip::encode(&more).unwrap()).is_err(), "{name} {n}");
        }
    }
    let mut swapped = all.clone();
    swapped.swap(1, 2);
    assert!(parse(&zip::encode(&swapped).unwrap()).is_err());
}

#[test]
fn a_consistent_forger_cannot_bend_the_records() {
    let good = sample();
    let (read, members) = (parse(&good).unwrap(), members(&good));
    let forged = |members: &[Vec<u8>]| around(members.concat(), &read.entries);
    assert_eq!(forged(&members), good);
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut changed = members.clone();
        change(&mut changed);
        parse(&forged(&changed))
    };
    let text = |n: usize, from: &str, to: &str| {
        let text = String::from_utf8(unpack(&members[n])).unwrap();
        assert!(text.contains(from), "{from}");
        let changed = pack(text.replacen(from, to, 1).as_bytes());
        with(&|m| m[n] = changed.clone())
    };
    assert!(with(&|_| {}).is_ok());
    assert!(with(&|m| m[1].extend_from_slice(b"\0")).is_err(), "bytes between members");
    assert!(with(&|m| m[0].insert(0, b'\n')).is_err(), "bytes before the first");
    let both = pack(&[unpack(&members[1]), unpack(&members[2])].concat());
    assert!(with(&|m| drop(m.splice(1..3, [both.clone()]))).is_err(), "two records in one member");
    let halves = unpack(&members[2]);
    let (a, b) = halves.split_at(halves.len() / 2);
    assert!(with(&|m| drop(m.splice(2..3, [pack(a), pack(b)]))).is_err(), "a record in two members");
    assert!(with(&|m| m.insert(2, pack(b""))).is_err(), "an empty member");
    assert!(with(&|m| drop(m.remove(0))).is_err(), "no warcinfo");
    assert!(with(&|m| m.insert(3, m[0].clone())).is_err(), "a second warcinfo");
    assert!(with(&|m| m.swap(1, 2)).is_err(), "a response before its request");
    assert!(with(&|m| drop(m.remove(1))).is_err(), "a response without its request");
    assert!(with(&|m| m.push(m[5].clone())).is_err(), "a name twice");
    let header = |m: &mut Vec<Vec<u8>>| m[1][4] = 1;
    assert!(with(&header).is_err(), "a time in a gzip header");
    for (n, from, to) in [
        (0, "quezao 0.1.0", "quezao 0.2.0"),
        (1, "WARC/1.1", "WARC/1.0"),
        (1, "WARC-Type: request", "WARC-Type: metadata"),
        (1, "GET /", "PUT /"),
        (2, "hello", "hallo"),
        (2, "200 OK", "404 OK"),
        (2, "x-orig-Content-Encoding", "Content-Encoding"),
        (2, "WARC-IP-Address: 203.0.113.9", "WARC-IP-Address: 203.0.113.10"),
        (2, "Quezao-Body: decoded", "Quezao-Body: wire"),
        (2, "WARC-Date: 2026", "WARC-Date: 2025"),
        (2, "WARC-Concurrent-To: <urn:uuid:", "WARC-Concurrent-To: <urn:uuid:0"),
        (2, "</p>\r\n\r\n", "</p>\r\n"),
        (2, "</p>\r\n\r\n", "</p>\r\n\r\n\r\n"),
        (4, "urn:quezao:screenshot-full", "urn:quezao:screenshot-part"),
        (5, "proof", "prove"),
        (5, "contact/shop-example", "contact/Shop"),
        (5, "\r\nContent-Type", "\r\nX-Note: 1\r\nContent-Type"),
    ] {
        assert!(text(n, from, to).is_err(), "{from} -> {to}");
    }
}

#[test]
fn the_lists_are_those_of_the_records() {
    let good = parts(&sample());
    let with = |n: usize, from: &str, to: &str| {
        let mut all = good.clone();
        let text = String::from_utf8(all[n].1.clone()).unwrap();
        assert!(text.contains(from), "{from}");
        all[n].1 = text.replacen(from, to, 1).into_bytes();
        if n < 3 {
            all = listed(all);
        }
        if n == 3 {
            all[4].1 = cdxj::digest(&all[3].1).unwrap();
        }
        parse(&zip::encode(&all).unwrap())
    };
    assert!(with(1, "\n", "\n").is_ok());
    let first = String::from_utf8(good[1].1.clone()).unwrap().lines().next().unwrap().to_owned() + "\n";
    for (n, from, to) in [
        (1, first.as_str(), ""),
        (1, "\"offset\":\"", "\"offset\":\"1"),
        (1, "\"length\":\"", "\"length\":\"1"),
        (1, "\"digest\":\"sha256:", "\"digest\":\"sha256:0"),
        (1, "\n", "\n\n"),
        (2, "json-pages-1.0", "json-pages-2.0"),
        (2, "\"id\":\"1\"", "\"id\":\"2\""),
        (2, "\"id\":\"1\"", "\"id\":\"1\",\"note\":1"),
        (2, "{\"id\":\"1\"", "{ \"id\":\"1\""),
        (2, "https://shop", "ftp://shop"),
        (2, "https://shop", "https://chop"),
        (3, "\"bytes\":", "\"bytes\":1"),
        (3, "\"name\":\"index.cdx\"", "\"name\":\"other.cdx\""),
        (3, "\"software\":\"quezao", "\"software\":\"quezoa"),
        (3, "data-package", "data-packag"),
        (3, "\"created\":\"2026", "\"created\":\"2025"),
        (3, "\"mainPageUrl\":\"https", "\"mainPageUrl\":\"http"),
        (4, "{\"hash\"", "{\"signedData\":{},\"hash\""),
    ] {
        assert!(with(n, from, to).is_err(), "{n}: {from} -> {to}");
    }
    let newer = with(3, "\"wacz_version\":\"1.1.1\"", "\"wacz_version\":\"1.2.0\"");
    assert!(matches!(newer, Err(Error::Form(evidence::Error::Unknown { .. }))));
}

#[test]
fn a_member_that_unpacks_without_end_is_bounded() {
    let head = members(&sample())[0].clone();
    let bomb = pack(&[unpack(&head).as_slice(), &vec![0; 64 << 20]].concat());
    assert!(parse(&around(bomb, &[])).is_err());
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let refused = |change: &dyn Fn(&mut Exchange)| {
        let mut one = exchange("https://a.example/", b"x");
        change(&mut one);
        assert!(filled().exchange(one).is_err());
    };
    refused(&|e| e.url = "file:///etc/passwd".into());
    refused(&|e| e.url = "https://a.example/ b".into());
    refused(&|e| e.url = "https://a.example/#b".into());
    refused(&|e| e.url = "https://é.example/".into());
    refused(&|e| e.cipher = Some("A\r\nB: c".into()));
    refused(&|e| e.protocols = vec!["h2".into(); 9]);
    refused(&|e| e.request.head = b"GET / HTTP/2\r\n\r\n".to_vec());
    refused(&|e| e.request.head = b"GET / HTTP/1.1\r\nA: b\r\n\r\nC: d\r\n\r\n".to_vec());
    refused(&|e| e.response.as_mut().unwrap().head = b"HTTP/1.1 OK\r\n\r\n".to_vec());
    refused(&|e| e.response.as_mut().unwrap().head = b"HTTP/1.1 200\nA: b\r\n\r\n".to_vec());
    refused(&|e| e.response.as_mut().unwrap().head = vec![b'a'; MAX_HEAD + 1]);
    assert!(takes_head(b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", false));
    assert!(!takes_head(b"HTTP/1.1 200\nA: b\n\n", false) && !takes_head(b"HTTP/1.1 200\r\n\r\n", true));
    assert!(filled().resource(resource("pdf", Some("a"), b"")).is_ok());
    for (name, label) in
        [("pdf", Some("A")), ("pdf", Some("")), ("notes", None), ("order", Some("1")), ("screenshot-full", None)]
    {
        assert!(filled().resource(resource(name, label, b"")).is_err(), "{name} {label:?}");
    }
    assert!(filled().page(Page { url: "javascript:1".into(), ..page() }).is_err());
    let mut software = about();
    software.software = "a\r\nb".into();
    assert!(Writer::new(Cursor::new(Vec::new()), &software).is_err());
    assert!(Writer::new(Cursor::new(Vec::new()), &about()).unwrap().finish().is_err(), "no page");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, from in 0usize..5000, insert: bool) {
        let _ = parse(&bytes);
        let mut near = sample();
        let from = from.min(near.len());
        let until = if insert { from } else { (from + bytes.len()).min(near.len()) };
        near.splice(from..until, bytes.iter().copied());
        prop_assert!(near == sample() || parse(&near).is_err());
        let mut warc = unpack(&members(&sample())[2]);
        let at = from.min(warc.len());
        warc.splice(at..at, bytes.iter().copied());
        let _ = parse(&around(pack(&warc), &[]));
        let _ = warc::Header::parse(&bytes, 0);
        let _ = warc::head(&bytes, warc::Kind::Response, Coding::Wire);
    }

    #[test]
    fn any_page_and_body_come_back(title: String, text: String, body: Vec<u8>, path in "[!-\"$-~]{0,40}") {
        let mut writer = filled();
        let url = format!("http://b.example/{path}");
        writer.exchange(exchange(&url, &body)).unwrap();
        writer.page(Page { url: url.clone(), title: Some(title.clone()), at: AT, text: Some(text) }).unwrap();
        let bytes = writer.finish().unwrap().0.into_inner();
        let read = parse(&bytes).unwrap();
        prop_assert_eq!(read.pages[1].title.as_ref(), Some(&title));
        let last = read.entries.last().unwrap();
        prop_assert_eq!(read.payload(&mut in_memory(&bytes), last, 1 << 20).unwrap(), body);
    }
}
