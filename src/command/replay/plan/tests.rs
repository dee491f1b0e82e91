use super::*;

const HEADING: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn read(rows: &str) -> anyhow::Result<Plan> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("rows.csv");
    std::fs::write(&path, format!("{HEADING}{rows}"))?;
    Plan::read(&path, &CountryMap::read(None)?)
}

fn plan(rows: &str) -> Plan {
    read(rows).unwrap_or_else(|error| panic!("{error:#}"))
}

/// Rows are `quantity x price`, separated by commas.
fn check_kind(number: &str, rows: &str, kind: Kind) {
    let mut text = String::new();
    for row in rows.split(", ") {
        let (quantity, price) = row.split_once(" x ").expect("quantity x price");
        text.push_str(&format!(
            "{number},A,T,{quantity},2011-01-01 10:00:00,{price},,United Kingdom\n"
        ));
    }
    assert_eq!(plan(&text).invoices[0].kind, kind, "{number}: {rows}");
}

fn check_fault(rows: &str, part: &str) {
    let error = read(rows).expect_err("the file is wrong");
    assert!(format!("{error:#}").contains(part), "{error:#}");
}

#[test]
fn an_invoice_is_of_the_kind_its_number_and_rows_say() {
    check_kind("536365", "6 x 2.55, 1 x 3.39", Kind::Sale);
    check_kind("536365", "6 x 0.00, 1 x 0.001", Kind::Sale);
    check_kind("536365", "6 x 2.55, 1 x 0.00", Kind::Sale);
    check_kind("536414", "56 x 0.00", Kind::Unpriced);
    check_kind("536414", "56 x 0.00, -1 x 0.00", Kind::Unpriced);
    check_kind("536589", "-10 x 0.00, -1 x 0.00", Kind::StockWriteOff);
    check_kind("C536379", "-1 x 27.50", Kind::Cancellation);
    check_kind("C536379", "-1 x 0.00", Kind::Cancellation);
    check_kind("c536379", "-1 x 27.50", Kind::Cancellation);
    check_kind("A563185", "1 x 11062.06", Kind::Adjustment);
    check_kind("A563186", "1 x -11062.06", Kind::Adjustment);
}

#[test]
fn an_invoice_is_of_the_earliest_time_of_its_rows() {
    let times = [
        "2011-01-04 00:00:00",
        "2011-01-03 23:59:00",
        "",
        "2011-01-05 00:00:00",
    ];
    let rows = times.map(|time| format!("1001,A,T,1,{time},1.00,,United Kingdom\n"));
    assert_eq!(
        plan(&rows.concat()).invoices[0].priced_at(),
        "2011-01-03T23:59:00Z"
    );
}

#[test]
fn an_invoice_without_a_time_cannot_be_put_in_order() {
    let row = |time: &str| format!("1001,A,T,1,{time},1.00,,United Kingdom\n");
    check_fault(&row(""), "invoice 1001 has no InvoiceDate");
    for time in [
        "12/1/2010 8:26",
        "2011-02-30 08:26:00",
        "2010-12-01T08:26:00",
        "2010-12-01",
    ] {
        check_fault(&row(time), "is no time such as");
    }
}

#[test]
fn a_file_of_which_a_quotation_mark_takes_the_rest_is_not_played() {
    let row = "1001,A,T,1,2011-01-04 00:00:00,1.00,,";
    check_fault(
        &format!("{row}\"United Kingdom\n{row}United Kingdom\n"),
        "never closed",
    );
}

#[test]
fn sold_goods_leave_and_found_goods_come_in() {
    for (kind, quantity, change) in [
        (Kind::Sale, 6, Some(-6)),
        (Kind::Cancellation, -6, Some(6)),
        (Kind::Adjustment, 1, Some(-1)),
        (Kind::Unpriced, 56, Some(56)),
        (Kind::StockWriteOff, -10, Some(-10)),
        (Kind::Sale, i64::MAX, Some(-i64::MAX)),
        (Kind::Cancellation, -i64::MAX, Some(i64::MAX)),
        (Kind::Cancellation, i64::MIN, None),
        (Kind::StockWriteOff, i64::MIN, Some(i64::MIN)),
    ] {
        assert_eq!(kind.stock_change(quantity), change, "{kind:?}");
    }
}

#[test]
fn an_invoice_total_rounds_each_row_to_the_penny() {
    let plan = plan(
        "1,A,T,1,2011-01-01 10:00:00,0.005,,Germany\n1,B,T,1,2011-01-01 10:00:00,0.005,,Germany\n\
         1,C,T,3,2011-01-01 10:00:00,0.00,,Germany\n1,D,T,2,2011-01-01 10:00:00,1.25,,Germany\n",
    );
    assert_eq!(plan.invoices[0].total(), Some(1 + 1 + 250));
}

#[test]
fn rows_of_one_number_are_one_invoice_wherever_they_stand() {
    let plan = plan(
        "542806,A,T,1,2011-02-01 11:19:00,7.95,12836,United Kingdom\n\
         C542805,A,T,-1,2011-02-01 11:19:00,0.85,14606,United Kingdom\n\
         542806,A,T,2,2011-02-01 11:20:00,7.95,12836,United Kingdom\n",
    );
    assert_eq!(plan.invoices.len(), 2);
    let rows: Vec<u32> = plan.invoices[0].lines.iter().map(|line| line.row).collect();
    assert_eq!(rows, [1, 3]);
    assert_eq!(plan.orders(), [Step::Order(0)]);
    assert_eq!(
        plan.movements(),
        [Step::Adjust { invoice: 1, line: 0 }, Step::Order(0)]
    );
}

#[test]
fn an_invoice_is_of_the_first_customer_and_country_that_its_rows_name() {
    let rows = [",", ",France", "7,", "8,Germany"]
        .map(|ending| format!("1001,A,T,1,2011-01-01 10:00:00,1.00,{ending}\n"));
    let invoice = &plan(&rows.concat()).invoices[0];
    let country = invoice.country.as_ref().map(Country::code);
    assert_eq!((invoice.customer.as_deref(), country), (Some("7"), Some("FR")));
}

#[test]
fn what_is_no_sale_is_counted_by_kind() {
    let row = |number: &str, quantity: i64, price: &str| {
        format!("{number},A,T,{quantity},2011-01-01 10:00:00,{price},,United Kingdom\n")
    };
    let rows = [
        row("1", 1, "1.00"),
        row("C2", -1, "1.00"),
        row("3", -1, "0.00"),
        row("C4", -1, "1.00"),
    ];
    let counts = plan(&rows.concat()).besides_sales();
    assert_eq!(
        counts,
        BTreeMap::from([(Kind::Cancellation, 2), (Kind::StockWriteOff, 1)])
    );
}

#[test]
fn sales_are_played_in_the_order_of_time() {
    let plan = plan(
        "2,A,T,1,2011-02-02 10:00:00,1.00,,France\n1,A,T,1,2011-02-01 10:00:00,1.00,,France\n\
         3,A,T,1,2011-02-02 10:00:00,1.00,,France\n",
    );
    assert_eq!(plan.orders(), [Step::Order(1), Step::Order(0), Step::Order(2)]);
}

#[test]
fn the_case_of_a_code_matters_and_inner_blanks_stay() {
    let plan = plan(
        "1,85123A,T,1,2011-01-01 10:00:00,2.55,,EIRE\n1,85123a,,1,2011-01-01 10:00:00,0,,EIRE\n\
         1,BANK CHARGES,T,1,2011-01-01 10:00:00,15,,EIRE\n1,85123a,U,1,2011-01-01 10:00:00,6.63,,EIRE\n",
    );
    let skus: Vec<&str> = plan.codes.iter().map(|code| code.sku.as_str()).collect();
    assert_eq!(skus, ["85123A", "85123a", "BANK CHARGES"]);
    let second = &plan.codes[1];
    assert_eq!(
        (second.title.as_deref(), second.price),
        (Some("U"), "6.63".parse().ok())
    );
    assert_eq!(
        plan.invoices[0]
            .country
            .map(|country| country.to_string())
            .as_deref(),
        Some("IE")
    );
}

#[test]
fn a_limit_counts_sales_or_every_kind() {
    let rows = "C1,A,T,-1,2011-01-01 10:00:00,1,,France\n2,A,T,1,2011-01-01 10:00:00,1,,France\n\
                3,A,T,1,2011-01-01 10:00:00,1,,France\n";
    for (only_sales, expected) in [(true, ["2"].as_slice()), (false, ["C1"].as_slice())] {
        let mut plan = plan(rows);
        plan.limit(1, only_sales);
        let numbers: Vec<&str> = plan
            .invoices
            .iter()
            .map(|invoice| invoice.number.as_str())
            .collect();
        assert_eq!(numbers, expected);
    }
}

#[test]
fn a_description_is_a_title_whatever_is_in_it() {
    let long = "T".repeat(300);
    let of = |sku: &str, description: &str| {
        format!("1,{sku},\"{description}\",1,2011-01-01 10:00:00,1.00,,France\n")
    };
    let rows = [
        of("A", "two\n\tlines"),
        of("B", "\n"),
        of("B", "later"),
        of("C", &long),
    ];
    let titles: Vec<_> = plan(&rows.concat())
        .codes
        .into_iter()
        .map(|code| code.title.unwrap_or_default())
        .collect();
    assert_eq!(titles, ["two lines", "later", &long[..TITLE_LENGTH_MAX]]);
}

#[test]
fn what_is_wrong_is_named_before_anything_is_played() {
    check_fault(
        "1,A,T,1,2011-01-01 10:00:00,1,,Atlantis\n",
        "the country \"Atlantis\" is not known; give --country-map",
    );
    check_fault(
        "1,A,T,one,2011-01-01 10:00:00,1,,France\n",
        "line 2: Quantity \"one\" is not a whole number",
    );
    check_fault(
        "1,A,T,1,2011-01-01 10:00:00,free,,France\n",
        "line 2: UnitPrice: \"free\" is not a price",
    );
    check_fault(
        ",A,T,1,2011-01-01 10:00:00,1,,France\n",
        "line 2: it has no InvoiceNo",
    );
    check_fault(
        "1,,T,1,2011-01-01 10:00:00,1,,France\n",
        "line 2: it has no StockCode",
    );
    check_fault("", "it holds no invoice");
    let many = "1,,T,1,2011-01-01 10:00:00,1,,France\n".repeat(12);
    check_fault(&many, "and 2 more");
}

/// Returns the folder of the whole data set, or says that it is not there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn data_set() -> Option<std::path::PathBuf> {
    let shared = std::env::var("CARTWRIGHT_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let folder = Path::new(&shared).join("data/online-retail");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

/// Compares every invoice's kind and total with a derived table, and plays the stock's movements on paper.
fn check_data_set(folder: &Path, transactions: &str, invoices: &str, stock: &str) -> anyhow::Result<()> {
    let plan = Plan::read(&folder.join(transactions), &CountryMap::read(None)?)?;
    let wanted = ["InvoiceNo", "kind", "total_gbp"].map(Wanted::required);
    let mut table = Table::open(&folder.join(invoices), &wanted, Others::passed_over(nearly))?;
    let mut compared = 0;
    while let Some(row) = table.next_row()? {
        let values: Vec<String> = row
            .values
            .map_err(anyhow::Error::msg)?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        let invoice = &plan.invoices[compared];
        assert_eq!(
            [invoice.number.as_str(), invoice.kind.name()],
            [values[0].as_str(), values[1].as_str()]
        );
        // Lines in tenths of a penny make the exact total differ from the rounded one by less than a penny.
        let exact: UnitPrice = values[2].parse()?;
        assert_eq!(invoice.total(), exact.times(1), "{}", invoice.number);
        compared += 1;
    }
    assert_eq!(compared, plan.invoices.len());

    let wanted = ["StockCode", "min_opening", "closing"].map(Wanted::required);
    let mut table = Table::open(&folder.join(stock), &wanted, Others::passed_over(nearly))?;
    let mut available: HashMap<String, (i64, i64)> = HashMap::new();
    while let Some(row) = table.next_row()? {
        let values: Vec<String> = row
            .values
            .map_err(anyhow::Error::msg)?
            .into_iter()
            .map(Option::unwrap_or_default)
            .collect();
        available.insert(values[0].clone(), (values[1].parse()?, values[2].parse()?));
    }
    let mut move_stock = |invoice: &Invoice, line: &Line| {
        let sku = &plan.codes[line.code].sku;
        let units = &mut available.get_mut(sku).expect("the stock file names every code").0;
        let change = invoice.kind.stock_change(line.quantity);
        *units += change.expect("the data set's quantities are small");
        assert!(0 <= *units, "{sku} is overdrawn in row {}", line.row);
    };
    for step in plan.movements() {
        match step {
            Step::Order(index) => {
                let invoice = &plan.invoices[index];
                invoice.lines.iter().for_each(|line| move_stock(invoice, line));
            }
            Step::Adjust { invoice, line } => {
                let invoice = &plan.invoices[invoice];
                move_stock(invoice, &invoice.lines[line]);
            }
        }
    }
    let differing = available.iter().find(|(_, (played, closing))| played != closing);
    assert_eq!(differing, None);
    Ok(())
}

#[test]
fn the_sample_is_read_as_its_derived_tables_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/online-retail");
    let checked = check_data_set(&folder, "transactions.csv", "invoices.csv", "stock.csv");
    checked.unwrap_or_else(|error| panic!("{error:#}"));
}

#[test]
fn the_whole_data_set_is_read_as_its_derived_tables_say() {
    let Some(folder) = data_set() else { return };
    let checked = check_data_set(
        &folder,
        "transactions-2010-12_2011-09.csv.zst",
        "invoices-visible.csv.zst",
        "stock-visible.csv.zst",
    );
    checked.unwrap_or_else(|error| panic!("{error:#}"));
}
