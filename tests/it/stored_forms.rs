//! The forms of what is stored. bincode knows fields and variants by their order alone: one that is moved, put in
//! between or taken away makes other things of bytes that were written before, and no golden file has each variant.
//!
//! The snapshot holds every structure and enumeration that is read from bytes as the source has it, and the schema of
//! each kind. Where it differs, keep the past form in the area's `past.rs`, raise the schema and then accept it
//! (`INSTA_UPDATE=always cargo test --test it stored_forms`); a variant behind the last and a new structure need neither.

use crate::tidy::{files, root};
use quote::ToTokens;
use std::fmt::Write;
use std::path::Path;
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItemConst, ItemEnum, ItemImpl, ItemStruct};

/// Where stored structures are declared.
const SOURCES: &[&str] = &["domain/src", "storage/src", "actors/src", "gateways/src"];

/// Tokens without the blanks that only keep them apart.
fn text(tokens: &impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let mut text = spaced
        .replace(" :: ", "::")
        .replace(" < ", "<")
        .replace(" >", ">");
    for closing in [" ,", " ;"] {
        text = text.replace(closing, &closing[1..]);
    }
    text
}

/// Tells whether a structure is read from bytes.
fn is_read(attributes: &[Attribute]) -> bool {
    let derives = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("derive"));
    let mut derives = derives.map(text);
    derives.any(|derive| derive.contains("Deserialize"))
}

/// What serde is told of a structure, variant or field.
fn told(attributes: &[Attribute]) -> String {
    let told = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"));
    told.map(|attribute| format!("{} ", text(attribute))).collect()
}

/// The forms of a file.
struct Forms<'a> {
    file: &'a str,
    text: String,
}

impl Forms<'_> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a text grows");
    }

    fn fields(&mut self, indent: &str, fields: &Fields) {
        for (place, field) in fields.iter().enumerate() {
            let name = field
                .ident
                .as_ref()
                .map_or(place.to_string(), ToString::to_string);
            let (told, of) = (told(&field.attrs), text(&field.ty));
            self.line(format_args!("{indent}{told}{name}: {of}"));
        }
    }
}

impl<'ast> Visit<'ast> for Forms<'_> {
    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        if is_read(&item.attrs) {
            let (file, told, name) = (self.file, told(&item.attrs), &item.ident);
            self.line(format_args!("{file} {told}{name}"));
            self.fields("  ", &item.fields);
        }
    }

    fn visit_item_enum(&mut self, item: &'ast ItemEnum) {
        if is_read(&item.attrs) {
            let (file, told_of, name) = (self.file, told(&item.attrs), &item.ident);
            self.line(format_args!("{file} {told_of}{name}"));
            for (number, variant) in item.variants.iter().enumerate() {
                let (told, name) = (told(&variant.attrs), &variant.ident);
                self.line(format_args!("  {number} {told}{name}"));
                self.fields("      ", &variant.fields);
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        for constant in item.items.iter().filter_map(schema) {
            let (file, of, number) = (self.file, text(&item.self_ty), text(&constant.expr));
            self.line(format_args!("{file} {of} schema {number}"));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.ident != "tests" {
            visit::visit_item_mod(self, item);
        }
    }
}

fn schema(item: &syn::ImplItem) -> Option<&ImplItemConst> {
    match item {
        syn::ImplItem::Const(constant) if constant.ident == "SCHEMA" => Some(constant),
        _ => None,
    }
}

fn forms_of(file: &Path) -> String {
    let name = file
        .strip_prefix(root())
        .expect("it is of this tree")
        .display()
        .to_string();
    let source = std::fs::read_to_string(file).expect("the file is there");
    let source = syn::parse_file(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut forms = Forms {
        file: &name,
        text: String::new(),
    };
    forms.visit_file(&source);
    forms.text
}

#[test]
fn what_is_stored_has_the_form_it_had() {
    let sources = SOURCES.iter().flat_map(|folder| files(&root().join(folder)));
    let sources = sources.filter(|file| {
        let is_test = file.components().any(|part| part.as_os_str() == "tests");
        file.extension().is_some_and(|ending| ending == "rs") && !is_test
    });
    let forms: String = sources.map(|file| forms_of(&file)).collect();
    insta::assert_snapshot!(forms);
}
