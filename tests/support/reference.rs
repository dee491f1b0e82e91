//! Whether the server answers as its API reference says: the document is asked for once, and every answer that a test
//! gets is held against it.

use super::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};
use tokio::sync::OnceCell;

/// Where the reference lies.
const DOCUMENT: &str = "/api/v1/openapi.json";

static REFERENCE: OnceCell<Reference> = OnceCell::const_new();

/// What the API reference says about answers.
#[derive(Debug)]
struct Reference {
    document: Value,
    /// By operation and status, made when first needed.
    validators: Mutex<HashMap<String, Option<Validator>>>,
}

/// Fails the test when an answer is not one that the reference describes: its status, its media type, its headers or
/// its body.
pub(super) async fn check(http: &reqwest::Client, url: &str, method: &str, path: &str, answer: &Answer) {
    if path == DOCUMENT || method == "OPTIONS" {
        // Neither is an operation of its own.
        return;
    }
    let reference = REFERENCE.get_or_init(|| Reference::fetch(http, url)).await;
    let faults = reference.faults(method, path, answer);
    assert!(
        faults.is_empty(),
        "{method} {path} was answered with {}, which is not as the API reference says:\n{}\nthe body is {}",
        answer.status,
        faults.join("\n"),
        answer.text
    );
}

impl Reference {
    async fn fetch(http: &reqwest::Client, url: &str) -> Self {
        let response = http.get(format!("{url}{DOCUMENT}")).send().await;
        let document = response.expect("the server answers").json().await;
        let document: Value = document.expect("the API reference is JSON");
        assert!(
            document["paths"].is_object(),
            "this is no API reference: {document}"
        );
        let validators = Mutex::default();
        Self { document, validators }
    }

    /// Returns everything in which an answer differs from what is said of it.
    fn faults(&self, method: &str, path: &str, answer: &Answer) -> Vec<String> {
        let path = path.split('?').next().unwrap_or_default();
        let Some((template, operation)) = self.operation(&method.to_ascii_lowercase(), path) else {
            // What is at no route at all is refused as such.
            let is_refused = matches!(answer.status, 404 | 405);
            return (!is_refused)
                .then(|| "there is no such operation".to_owned())
                .into_iter()
                .collect();
        };
        let responses = &operation["responses"];
        let Some(described) = responses
            .get(answer.status.to_string())
            .or_else(|| responses.get("default"))
        else {
            return vec!["the operation has no such status".to_owned()];
        };
        let mut faults = Vec::new();
        let kind = answer.header("content-type");
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        match (described.get("content"), kind) {
            (None, _) if answer.text.is_empty() => {}
            (None, _) => faults.push("the answer has no body".to_owned()),
            (Some(content), Some(kind)) => match content.get(kind) {
                None => faults.push(format!("{kind} is not among its media types")),
                Some(media) => {
                    let name = format!("{method} {template} {} {kind}", answer.status);
                    faults.extend(self.faults_of_body(name, &media["schema"], &answer.json));
                }
            },
            (Some(_), None) => faults.push("the answer has a body of a stated kind".to_owned()),
        }
        let headers = described.get("headers").and_then(Value::as_object);
        for name in headers.into_iter().flatten().map(|(name, _)| name) {
            let is_due = match name.as_str() {
                "ETag" | "Location" | "WWW-Authenticate" => true,
                // Of a conflict only where waiting helps.
                "Retry-After" => answer.status != 409,
                _ => false,
            };
            if is_due && answer.header(name).is_none() {
                faults.push(format!("the header {name} is missing"));
            }
        }
        faults
    }

    /// Finds the operation of a request: of the routes that fit, the one with the fewest variable parts.
    fn operation(&self, method: &str, path: &str) -> Option<(&str, &Value)> {
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter_map(|(template, item)| {
            let variables = variables(template, path)?;
            Some((variables, template.as_str(), item.get(method)?))
        });
        let (_, template, operation) = fitting.min_by_key(|(variables, ..)| *variables)?;
        Some((template, operation))
    }

    fn faults_of_body(&self, name: String, schema: &Value, body: &Value) -> Vec<String> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let validator = match validators.entry(name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.validator(schema)),
        };
        let Some(validator) = validator else {
            return Vec::new();
        };
        validator
            .iter_errors(body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }

    /// Makes the validator of a schema, with the document's components in reach; none where nothing is said.
    fn validator(&self, schema: &Value) -> Option<Validator> {
        if schema.is_null() {
            return None;
        }
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document["components"],
            "allOf": [schema],
        });
        let made = jsonschema::options().should_validate_formats(true).build(&whole);
        Some(made.unwrap_or_else(|error| panic!("the API reference has a schema that is none: {error}")))
    }
}

/// Returns how many parts of a template are variable, if a path fits it.
fn variables(template: &str, path: &str) -> Option<usize> {
    let (mut parts, mut given) = (template.split('/'), path.split('/'));
    let mut variables = 0;
    loop {
        match (parts.next(), given.next()) {
            (None, None) => return Some(variables),
            (Some(part), Some(given)) if part.starts_with('{') && !given.is_empty() => variables += 1,
            (Some(part), Some(given)) if part == given => {}
            _ => return None,
        }
    }
}
