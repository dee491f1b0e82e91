use super::*;

fn load(text: &str) -> Result<Config, Faults> {
    Sources {
        figment: Sources::defaults().figment.merge(Toml::string(text)),
    }
    .load()
}

fn check_fault(text: &str, option: &str, part: &str) {
    let faults = load(text).expect_err("the text has a fault").0;
    let found = faults.iter().find(|fault| fault.option == option);
    let message = &found
        .unwrap_or_else(|| panic!("no fault of {option} in {faults:?}"))
        .message;
    assert!(message.contains(part), "{message:?} does not say {part:?}");
}

#[test]
fn the_example_names_every_option_and_nothing_else() {
    let config = Config::default();
    let written: toml::Table = EXAMPLE.parse().expect("the example is TOML");
    let read = toml::Table::try_from(&config).expect("the configuration is TOML");
    assert_eq!(written, read);
}

#[test]
fn every_option_of_the_example_has_a_sentence() {
    let mut before = "";
    for line in EXAMPLE.lines() {
        assert!(
            !line.contains(" = ") || line.starts_with('#') || before.starts_with("# "),
            "{line} has none"
        );
        before = line;
    }
}

#[test]
fn a_file_overrides_a_default() {
    let config = load("listen = \"0.0.0.0:99\"\nlog_format = \"json\"").expect("both are fine");
    assert_eq!(config.listen, SocketAddr::from(([0, 0, 0, 0], 99)));
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.connections_max, 10_000);
}

#[test]
fn there_is_a_worker_a_core_unless_it_is_said() {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    assert_eq!(Config::default().worker_threads(), cores);
    let chosen = load("worker_threads = 3").expect("it is fine");
    assert_eq!(chosen.worker_threads(), 3);
}

#[test]
fn unknown_options_are_refused_by_name() {
    check_fault("lissten = \"x\"", "lissten", "did you mean `listen`?");
    check_fault("loglevel = \"x\"", "loglevel", "did you mean `log_level`?");
    check_fault(
        "reqest_timeout_ms = 5",
        "reqest_timeout_ms",
        "did you mean `request_timeout_ms`?",
    );
    check_fault("log = \"x\"", "log", "did you mean `log_level`?");
    check_fault("[http]\nport = 1", "http", "there is no option of this name");
}

#[test]
fn wrong_values_say_what_would_be_right() {
    check_fault("listen = \"here\"", "listen", "127.0.0.1:8080");
    check_fault("listen = 8080", "listen", "127.0.0.1:8080");
    check_fault("data = \"\"", "data", "name a directory");
    check_fault(
        "public_url = \"shop.example.com\"",
        "public_url",
        "https://shop.example.com",
    );
    check_fault(
        "cors_origins = [\"https://a.example/path\"]",
        "cors_origins",
        "no origin",
    );
    for origin in ["https://a.example\\n", "https://m\u{fc}ller.example"] {
        let text = format!("cors_origins = [\"{origin}\"]");
        check_fault(&text, "cors_origins", "no origin");
    }
    for (written, sent) in [
        ("https://Shop.example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:8080/", "http://shop.example:8080"),
        ("https://m\u{fc}ller.example", "https://xn--mller-kva.example"),
    ] {
        let text = format!("cors_origins = [\"{written}\"]");
        check_fault(&text, "cors_origins", &format!("write \"{sent}\""));
    }
    check_fault(
        "public_url = \"https://a.example\\n\"",
        "public_url",
        "no web address",
    );
    check_fault(
        "public_url = \"https://shop.example:99999\"",
        "public_url",
        "no web address",
    );
    check_fault("cors_origins = \"*\"", "cors_origins", "sequence");
    check_fault(
        "cors_origins = [\"https://*.example.com\"]",
        "cors_origins",
        "no origin",
    );
    check_fault(
        "request_timeout_ms = 0",
        "request_timeout_ms",
        "from 1 to 86400000",
    );
    check_fault("request_timeout_ms = -1", "request_timeout_ms", "from 1 to");
    check_fault("request_timeout_ms = 1.5", "request_timeout_ms", "from 1 to");
    check_fault("request_timeout_ms = \"1\"", "request_timeout_ms", "from 1 to");
    check_fault("log_level = \"a=b=c\"", "log_level", "no log filter");
    for level in ["verbose", "cartwright_storage", "verbose,loud"] {
        let text = format!("log_level = \"{level}\"");
        check_fault(
            &text,
            "log_level",
            "none of off, error, warn, info, debug and trace",
        );
    }
    check_fault("log_format = \"xml\"", "log_format", "write \"text\" or \"json\"");
    check_fault(
        "log_format = '\"json\"'",
        "log_format",
        "leave them out, as in json",
    );
    check_fault("log_format = 1", "log_format", "write \"text\" or \"json\"");
    check_fault("data = 5", "data", "in quotation marks");
    check_fault("data = '\"shop\"'", "data", "leave them out, as in shop");
    check_fault("mail_directory = 7", "mail_directory", "in quotation marks");
    check_fault("cors_origins = \"x\"", "cors_origins", "write a list");
    for sender in [
        "nobody",
        "M\u{fc}ller, S\u{f6}hne <shop@example.com>",
        "My Shop <shop@exa..mple>",
    ] {
        let text = format!("mail_from = \"{sender}\"");
        check_fault(&text, "mail_from", "shop@example.com");
    }
    check_fault(
        "sandbox_behavior = \"maybe\"",
        "sandbox_behavior",
        "approve, decline, hang",
    );
}

#[test]
fn levels_and_senders_of_every_form_are_taken() {
    for level in [
        "off",
        "INFO",
        "info,cartwright_storage=debug",
        "warn,cartwright::access",
        "3",
    ] {
        load(&format!("log_level = \"{level}\"")).unwrap_or_else(|faults| panic!("{level}: {faults}"));
    }
    for sender in ["shop@localhost", "\"M\u{fc}ller, S\u{f6}hne\" <shop@example.com>"] {
        load(&format!("mail_from = '{sender}'")).unwrap_or_else(|faults| panic!("{sender}: {faults}"));
    }
}

#[test]
fn all_faults_are_reported_at_once() {
    let faults = load("listen = \"x\"\nconnections_max = 0\nnonsense = 1")
        .expect_err("three faults")
        .0;
    let options: Vec<&str> = faults.iter().map(|fault| fault.option.as_str()).collect();
    assert_eq!(options, ["listen", "connections_max", "nonsense"]);
}

#[test]
fn arguments_override_everything() {
    let arguments = Arguments {
        listen: Some("127.0.0.1:7".to_owned()),
        ..Arguments::default()
    };
    let sources = Sources::of_process(None, &arguments).expect("no file is named");
    assert_eq!(sources.load().expect("no faults").listen.port(), 7);
    let shown = sources.explain().expect("no faults");
    let listen = shown
        .iter()
        .find(|one| one.option == "listen")
        .expect("every option is shown");
    assert_eq!(
        (listen.value.as_str(), listen.source.as_str()),
        ("\"127.0.0.1:7\"", "argument")
    );
}

#[test]
fn a_named_file_must_exist() {
    let missing = Path::new("/nonexistent/cartwright.toml");
    let faults = Sources::of_process(Some(missing), &Arguments::default()).expect_err("it is not there");
    assert!(
        faults
            .to_string()
            .contains("config default > /nonexistent/cartwright.toml"),
        "{faults}"
    );
    let directory =
        Sources::of_process(Some(Path::new("/")), &Arguments::default()).expect_err("it is no file");
    assert!(
        directory.to_string().contains("this is a directory"),
        "{directory}"
    );
    let below_a_file = Path::new("/dev/null/cartwright.toml");
    let fault = Sources::of_process(Some(below_a_file), &Arguments::default()).expect_err("no directory");
    assert!(
        fault.to_string().contains("cannot be used: Not a directory"),
        "{fault}"
    );
    let empty = Sources::of_process(Some(Path::new("/dev/null")), &Arguments::default());
    assert!(empty.is_ok_and(|sources| sources.load().is_ok()));
}

#[test]
fn derived_options_follow_the_others() {
    let config = load("data = \"/srv/shop\"").expect("no faults");
    assert_eq!(config.mail_directory(), Path::new("/srv/shop/mail"));
    assert_eq!(config.public_url(), None);
    assert_eq!(config.sandbox_behavior(), None);
    let hanging = load("sandbox_behavior = \"hang\"").expect("no faults");
    assert_eq!(hanging.sandbox_behavior(), Some(sandbox::Behavior::Hang));
    let named = load("public_url = \"https://shop.example.com/\"").expect("no faults");
    assert_eq!(named.public_url(), Some("https://shop.example.com"));
}
