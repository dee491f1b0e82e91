//! Tables in every layout, good and bad.

use super::*;

fn read_all(name: &str, bytes: &[u8], columns: &[&str]) -> anyhow::Result<Vec<Row>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join(name);
    std::fs::write(&path, bytes)?;
    let wanted: Vec<Wanted> = columns.iter().map(|column| Wanted::required(column)).collect();
    let mut table = Table::open(&path, &wanted, Others::passed_over(nearly))?;
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        rows.push(row);
    }
    Ok(rows)
}

fn row(line: u64, values: &[Option<&str>]) -> Row {
    Row {
        line,
        values: Ok(values.iter().map(|value| value.map(str::to_owned)).collect()),
    }
}

fn check(name: &str, bytes: &[u8], expected: &[Row]) {
    let rows = read_all(name, bytes, &["sku", "price"]).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    assert_eq!(rows, expected, "{name}");
}

#[test]
fn the_same_table_is_read_from_every_layout() {
    let expected = [row(2, &[Some("A 1"), Some("2.50")]), row(3, &[Some("B"), None])];
    let comma = b"price,sku\n2.50,A 1\n,B\n";
    check("a.csv", comma, &expected);
    check("a.CSV", comma, &expected);
    check("noending", comma, &expected);
    check("a.tsv", b"sku\tprice\nA 1\t2.50\nB\t\n", &expected);
    check("noending", b"sku\tprice\nA 1\t2.50\nB\t\n", &expected);
    check("bom.csv", b"\xef\xbb\xbfsku,price\nA 1,2.50\nB,\n", &expected);
    check("semicolons.csv", b"price;sku\n2.50;A 1\n;B\n", &expected);
    check("tabs.csv", b"sku\tprice\nA 1\t2.50\nB\t\n", &expected);
    let quoted = b"price;\"sku\";\"price, net\"\n2.50;A 1;1\n;B;\n";
    check("quoted.csv", quoted, &expected);
    let compressed = zstd::encode_all(&comma[..], 1).unwrap_or_else(|error| panic!("{error}"));
    check("a.csv.zst", &compressed, &expected);
    check("misnamed.csv", &compressed, &expected);
    // As what compresses in parallel writes it: frames to be skipped, which say how long the next one is.
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    check(
        "parallel.csv.zst",
        &[&skipped[..], &compressed].concat(),
        &expected,
    );
}

#[test]
fn json_lines_take_numbers_and_skip_blank_lines() {
    let expected = [row(1, &[Some("A"), Some("2.5")]), row(3, &[Some("B"), None])];
    check(
        "a.jsonl",
        b"{\"sku\":\"A\",\"price\":2.5,\"x\":[]}\n\n{\"sku\":\"B\",\"price\":null}\n",
        &expected,
    );
    check(
        "a",
        b"{\"sku\":\"A\",\"price\":2.5}\n\n{\"sku\":\"B\"}",
        &expected,
    );
}

#[test]
fn json_lines_take_choices_and_lists_of_texts() {
    let expected = [
        row(1, &[Some("true"), Some("cups;sale")]),
        row(2, &[Some("false"), None]),
    ];
    check(
        "a.jsonl",
        b"{\"sku\":true,\"price\":[\"cups\",\"sale\"]}\n{\"sku\":false,\"price\":\"\"}\n",
        &expected,
    );
    let rows = read_all("a.jsonl", b"{\"sku\":[\"a;b\"]}\n{\"sku\":[1]}\n", &["sku"]);
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(rows.iter().all(|row| row.values.is_err()), "{rows:?}");
}

#[test]
fn lines_of_separators_alone_are_passed_over() {
    let expected = [row(2, &[Some("A"), Some("1")]), row(5, &[Some("B"), Some("2")])];
    check("a.csv", b"sku,price\nA,1\n,\n,,\nB,2\n,\n", &expected);
    check(
        "b.csv",
        b"\nsku;price\nA;1\n;\nB;2\n",
        &[row(3, &[Some("A"), Some("1")]), row(5, &[Some("B"), Some("2")])],
    );
}

#[test]
fn a_row_that_cannot_be_read_does_not_stop_the_others() {
    let rows = read_all("a.jsonl", b"[]\n{\"sku\":[]}\n{\"sku\":\"A\"}\n", &["sku"]);
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(
        rows[0]
            .values
            .as_ref()
            .is_err_and(|message| message.contains("not a JSON object"))
    );
    assert_eq!(
        rows[1].values,
        Err("sku: [] is neither text nor number, yes or no, or a list of texts".to_owned())
    );
    assert_eq!(rows[2], row(3, &[Some("A")]));
    let rows = read_all(
        "a.jsonl",
        b"{\"sku\":\"A\",\"x\":1,\"sku\":\"B\"}\n{\"sku\":\"A\"}\n",
        &["sku"],
    );
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(rows[0].values, Err("sku is given twice".to_owned()));
    assert_eq!(rows[1], row(2, &[Some("A")]));
    for (name, bytes) in [
        ("a.csv", &b"sku\n\xff\xfe\nA\n"[..]),
        ("a.jsonl", b"\n{\"sku\":\"\xff\"}\n{\"sku\":\"A\"}\n"),
    ] {
        let rows = read_all(name, bytes, &["sku"]).unwrap_or_else(|error| panic!("{error:#}"));
        let values = Err(NOT_UTF_8.to_owned());
        assert_eq!(rows, [Row { line: 2, values }, row(3, &[Some("A")])], "{name}");
    }
}

#[test]
fn a_misspelled_column_is_told_once_by_a_heading_and_by_each_object() {
    let told = "it has a column \"prices\", which is not one of those that are read; call it \"price\" if that is \
                meant, or remove it";
    let wanted = [
        Wanted::required("sku"),
        Wanted {
            required: false,
            ..Wanted::required("price")
        },
    ];
    let directory = tempfile::tempdir().expect("a temporary directory");
    let open = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        Table::open(&path, &wanted, Others::passed_over(nearly))
    };
    let refused = open("a.csv", "sku,prices\nA,1\n")
        .err()
        .expect("it is misspelled");
    assert!(format!("{refused:#}").ends_with(told), "{refused:#}");
    let mut lines = open(
        "a.jsonl",
        "{\"sku\":\"A\",\"prices\":1}\n{\"sku\":\"B\",\"price\":1,\"prices\":[]}\n",
    )
    .expect("each says it itself");
    let mut next = || lines.next_row().expect("a row").expect("another").values;
    assert_eq!(next(), Err(told.to_owned()));
    assert!(next().is_ok());
}

#[test]
fn a_number_is_read_as_it_would_be_written_in_a_text() {
    let check = |written: &str, expected: &str| {
        let line = format!("{{\"sku\":\"A\",\"price\":{written}}}\n");
        check(
            "a.jsonl",
            line.as_bytes(),
            &[row(1, &[Some("A"), Some(expected)])],
        );
    };
    check("0.000001", "0.000001");
    check("1e-6", "0.000001");
    check("2.55", "2.55");
    check("15.0", "15");
    check("18446744073709551615", "18446744073709551615");
    let rows = read_all("a.jsonl", b"{\"sku\":18446744073709551616}\n", &["sku"]);
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    let refused = rows[0].values.as_ref().err();
    assert!(
        refused.is_some_and(|reason| reason.ends_with("as a text")),
        "{rows:?}"
    );
}

#[test]
fn a_file_that_ends_too_soon_is_named_with_its_last_line() {
    let text: String = (0..50_000_u32)
        .map(|n| format!("{{\"sku\":\"{n:x}\"}}\n"))
        .collect();
    let whole = zstd::encode_all(text.as_bytes(), 1).unwrap_or_else(|error| panic!("{error}"));
    let error = read_all("a.jsonl.zst", &whole[..whole.len() / 2], &["sku"]).expect_err("half of it is gone");
    let said = format!("{error:#}");
    assert!(said.contains("a.jsonl.zst after line "), "{said}");
    assert!(!said.contains("after line 0:"), "{said}");
}

#[test]
fn a_row_that_is_not_as_wide_as_the_heading_is_refused() {
    let values = |text: &str| {
        let rows = read_all("a.csv", text.as_bytes(), &["sku", "price"]);
        rows.unwrap_or_else(|error| panic!("{error:#}"))[0].values.clone()
    };
    for (row, there) in [("A", 1), ("A,4,50", 3), ("A,4,,50", 4), ("A,4,", 3), ("A,,", 3)] {
        let refused = format!("it has {there} values where the heading has 2");
        assert_eq!(values(&format!("sku,price\n{row}\n")), Err(refused));
    }
    let whole = Ok(vec![Some("A".to_owned()), Some("4".to_owned())]);
    assert_eq!(values("sku,price\nA,4"), whole);
    assert_eq!(values("sku,price,,\nA,4,,"), whole);
}

#[test]
fn a_quotation_mark_that_is_never_closed_is_told() {
    for (name, end) in [("a.csv", ""), ("b.csv", "\n"), ("c.csv", "\r\n")] {
        let text = format!("sku,price\nA,1\nB,\"2\nC,3{end}");
        let rows = read_all(name, text.as_bytes(), &["sku", "price"]);
        let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(rows[0], row(2, &[Some("A"), Some("1")]));
        let told = rows[1].values.as_ref().err();
        assert!(told.is_some_and(|told| told.contains("never closed")), "{rows:?}");
        assert_eq!((rows.len(), rows[1].line), (2, 3));
    }
}

#[test]
fn text_behind_a_closing_quotation_mark_is_told_with_every_line_that_it_takes_in() {
    let told = |line: u64, last: Option<u64>| Row {
        line,
        values: Err(last.map_or(MISPLACED.to_owned(), |last| {
            format!("it takes in all lines up to {last}, because {MISPLACED}")
        })),
    };
    let good = |line| row(line, &[Some("E"), Some("4")]);
    for (text, refused) in [
        ("A,\"8 cm\nB,2\nC,\"Big\" pan\nE,4\n", told(2, Some(4))),
        ("A,\"x\"y\n\nB\",\"z\"\nE,4\n", told(2, None)),
        ("A,\"x\"  \"y\"\nE,4\n", told(2, None)),
        ("\"A\"\"\"B,1\nE,4\n", told(2, None)),
    ] {
        let rows = read_all(
            "a.csv",
            format!("sku,price\n{text}").as_bytes(),
            &["sku", "price"],
        );
        let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(rows[0], refused, "{text}");
        assert_eq!(
            rows.last().map(|row| &row.values),
            Some(&good(0).values),
            "{text}"
        );
    }
    // However it is split between two reads; and none of these is one.
    let rest = "E,\"4\"  \nF G\"\",\"a\"\"b, \"\"\"\n".repeat(20_000);
    let rows = read_all(
        "a.csv",
        format!("sku,price\n{rest}A,\"1\"2").as_bytes(),
        &["sku", "price"],
    );
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(rows[0], row(2, &[Some("E"), Some("4  ")]));
    assert_eq!(rows[1], row(3, &[Some("F G\"\""), Some("a\"b, \"")]));
    assert_eq!((rows.len(), &rows[40_000]), (40_001, &told(40_002, None)));
    assert!(rows[..40_000].iter().all(|row| row.values.is_ok()));
    let heading = read_all("a.csv", b"sku,\"price\" net\nE,4\n", &["sku"]).err();
    let heading = heading.map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(
        heading.ends_with(&format!("its heading: {MISPLACED}")),
        "{heading}"
    );
}

#[test]
fn a_row_that_does_not_end_is_not_taken_into_memory() {
    let rest = "x,1\n".repeat(5 * 1024 * 1024);
    for (name, text, line) in [
        ("a.csv", format!("sku,price\nA,1\nB,\"2\n{rest}"), 2),
        (
            "a.jsonl",
            format!(
                "{{\"sku\":\"A\",\"price\":1}}\n{{\"sku\":\"{}",
                rest.replace('\n', " ")
            ),
            1,
        ),
    ] {
        let refused = read_all(name, text.as_bytes(), &["sku", "price"]).err();
        let told = refused.map(|refused| format!("{refused:#}")).unwrap_or_default();
        assert!(told.contains(&format!("{name} after line {line}: ")), "{told}");
        assert!(told.ends_with(ROW_TOO_LONG), "{told}");
    }
    // One that ends is read, however many are before it.
    let long = "x".repeat(1024 * 1024);
    let rows = read_all(
        "a.csv",
        format!("sku,price\n{}", format!("{long},1\n").repeat(20)).as_bytes(),
        &["sku", "price"],
    );
    assert_eq!(rows.map(|rows| rows.len()).ok(), Some(20));
}

#[test]
fn a_column_that_is_to_be_ignored_is_none_also_where_it_is_known() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in [
        ("a.csv", "sku,price\nA,1\n"),
        ("a.jsonl", "{\"sku\":\"A\",\"price\":1}\n"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        let price = Wanted {
            required: false,
            ..Wanted::required("price")
        };
        let others = Others::passed_over(nearly).but(["price"]);
        let mut table = Table::open(&path, &[Wanted::required("sku"), price], others).expect("a table");
        let row = table.next_row().expect("a row").expect("there is one");
        assert_eq!(row.values, Ok(vec![Some("A".to_owned()), None]), "{name}");
    }
    let path = directory.path().join("a.csv");
    let others = Others::passed_over(nearly).but(["sku"]);
    let refused = Table::open(&path, &[Wanted::required("sku")], others).err();
    let told = refused.map(|refused| format!("{refused:#}")).unwrap_or_default();
    assert!(
        told.ends_with("the column \"sku\" is needed and cannot be ignored"),
        "{told}"
    );
}

#[test]
fn what_old_programs_write_at_the_end_of_a_file_ends_nothing_in_its_middle() {
    let expected = [
        row(2, &[Some("A"), Some("1")]),
        row(4, &[Some("B\u{1a}"), Some("2")]),
        row(5, &[Some("C"), Some("3\u{1a}")]),
    ];
    let text = "sku,price\nA,1\n\u{1a}\nB\u{1a},2\nC,3\u{1a}";
    for end in ["", "\n", "\n\u{1a}", "\n\u{1a}\n"] {
        check("a.csv", format!("{text}{end}").as_bytes(), &expected);
    }
    let one = [row(1, &[Some("A"), Some("1")])];
    check("a.jsonl", b"{\"sku\":\"A\",\"price\":1}\n\x1a", &one);
    // However much is read at once.
    let rows: String = (0..50_000).map(|row| format!("{row},1\n")).collect();
    let text = format!("sku,price\n{rows}\u{1a}\n{rows}");
    let rows = read_all("a.csv", text.as_bytes(), &["sku", "price"]);
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((rows.len(), rows[99_999].line), (100_000, 100_002));
}

#[test]
fn an_open_quotation_mark_is_told_also_before_bytes_that_are_no_text() {
    let rows = read_all(
        "a.csv",
        b"sku,price\nA,\"Caf\xe9,1\nB,2\nC,3\n",
        &["sku", "price"],
    );
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((rows.len(), rows[0].line), (1, 2));
    let told = rows[0].values.as_ref().err();
    assert!(told.is_some_and(|told| told.contains("never closed")), "{rows:?}");
    let rows = read_all("a.csv", b"sku,price\nA,\"Caf\xe9\n\"\nB,2\n", &["sku", "price"]);
    let rows = rows.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!((rows[0].line, rows[0].values.is_err()), (2, true));
    assert_eq!(rows[1], row(4, &[Some("B"), Some("2")]));
}

#[test]
fn a_line_number_counts_blank_lines_and_every_way_to_end_one() {
    let expected = [
        row(4, &[Some("A"), Some("1")]),
        row(6, &[Some("B\nC"), Some("2")]),
        row(8, &[Some("D"), Some("3")]),
    ];
    let text = "\nsku,price\n\nA,1\n\n\"B\nC\",2\nD,3\n";
    check("a.csv", text.as_bytes(), &expected);
    for end in ["\r\n", "\r"] {
        check("a.csv", text.replace('\n', end).as_bytes(), &expected);
    }
    check("a.csv", text.trim_end().as_bytes(), &expected);
}

#[test]
fn a_line_number_counts_lines_inside_quotes() {
    let expected = [
        row(2, &[Some("A\nB"), Some("1")]),
        row(4, &[Some("C"), Some("2")]),
    ];
    check("a.csv", b"sku,price\n\"A\nB\",1\nC,2\n", &expected);
}

#[test]
fn a_missing_column_is_named_beside_those_that_exist() {
    let error = read_all("a.csv", b"code,price\n", &["sku"]).expect_err("there is no sku");
    assert!(
        format!("{error:#}").contains("no column \"sku\"; its columns are code, price"),
        "{error:#}"
    );
    // Also where another one is misspelled.
    let error = read_all("a.csv", b"code,Price\n", &["sku", "price"]).expect_err("there is no sku");
    assert!(format!("{error:#}").contains("no column \"sku\""), "{error:#}");
}

#[test]
fn a_file_without_columns_is_told_as_that() {
    for bytes in [&b""[..], b"\n\n", b"\xef\xbb\xbf"] {
        let error = read_all("a.csv", bytes, &["sku"]).expect_err("there is nothing");
        assert!(format!("{error:#}").contains("it names no columns"), "{error:#}");
    }
}

#[test]
fn a_file_that_is_no_table_says_how_it_becomes_one() {
    let starts: [(&[u8], &str); 6] = [
        (b"PK\x03\x04\x14", "workbook"),
        (b"s\0k\0u\0", "UTF-16"),
        (b"sku,Gr\xf6\xdfe\nA,1\n", "save it as UTF-8"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\xff\xfes\0k\0", "UTF-16"),
        (b" [{\"sku\":1}]", ".jsonl"),
    ];
    for (bytes, told) in starts {
        let error = read_all("a.csv", bytes, &["sku"]).expect_err("it is none");
        assert!(format!("{error:#}").contains(told), "{error:#}");
    }
}

#[test]
fn a_column_that_stands_twice_is_refused() {
    let error = read_all("a.csv", b"sku,price,sku\nA,1,B\n", &["sku"]).expect_err("which of them?");
    assert!(
        format!("{error:#}").contains("the column \"sku\" 2 times"),
        "{error:#}"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Table::open(Path::new("/nonexistent/x.csv"), &[], Others::passed_over(nearly)).err();
    assert!(error.is_some_and(|error| error.to_string() == "cannot read /nonexistent/x.csv"));
}
