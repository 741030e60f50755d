use super::*;

fn files() -> BTreeMap<String, Vec<u8>> {
    [
        ("channels.toml", b"one".to_vec()),
        ("mail.html", b"<p>\xff</p>".to_vec()),
        (OFFERS, b"sku\nMUG\n".to_vec()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

#[test]
fn what_was_written_is_read() {
    let bundle = of_files(&files());
    assert_eq!(bundle.files.len(), 2, "without the offers");
    assert_eq!(bundle.digests[OFFERS], Digest::of(b"sku\nMUG\n"));
    assert_eq!(read(&write(&bundle).unwrap()), Ok(bundle));
}

#[test]
fn what_is_not_whole_is_refused() {
    let bundle = of_files(&files());
    let mut changed = bundle.clone();
    changed
        .files
        .insert("channels.toml".to_owned(), b"two".to_vec());
    let mut lacking = bundle.clone();
    lacking.files.remove("mail.html");
    let mut unknown = bundle.clone();
    unknown.files.insert("rules.toml".to_owned(), Vec::new());
    let bad = |bytes: &[u8]| read(bytes).unwrap_err();
    for (bundle, why) in [
        (changed, "channels.toml is not as its digest says"),
        (lacking, "mail.html is missing"),
        (unknown, "rules.toml is not as its digest says"),
    ] {
        let bytes = write(&bundle).unwrap();
        let refused = bad(&bytes);
        assert!(refused.why.ends_with(why), "{}", refused.why);
        assert_eq!(refused.digest, Digest::of(&bytes));
    }
    let whole = write(&bundle).unwrap();
    assert!(bad(&whole[..whole.len() - 1]).why.contains("is no bundle"));
    assert!(bad(b"").why.contains("is no bundle"));
}
