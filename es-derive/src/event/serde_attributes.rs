//! Which `#[serde(...)]` attributes of the enum and its variants shape the payload.
//!
//! Fields keep all of theirs. Around the fields, an attribute is either honoured, or without any
//! meaning for a payload, or refused: one that were passed over in silence would let a stored form
//! differ from what its author reads in the source.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, Field, Lit, LitStr, Meta, Token};

use crate::attributes::Errors;

/// What the enum or a variant tells serde about the fields.
#[derive(Default)]
pub(super) struct SerdeAttributes {
    rename: Rename,
    deny_unknown_fields: bool,
}

/// `rename_all` of fields, by direction.
#[derive(Default, Clone)]
struct Rename {
    serialize: Option<LitStr>,
    deserialize: Option<LitStr>,
}

impl SerdeAttributes {
    /// The attributes of the enum.
    pub(super) fn of_enum(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for meta in metas(attributes, errors) {
            match key(&meta).as_str() {
                "rename_all_fields" => this.rename.read(&meta, errors),
                "deny_unknown_fields" => this.deny_unknown_fields = true,
                // They describe how the enum's own `Serialize` and `Deserialize` tell variants
                // apart; a payload is the content of one variant.
                "tag" | "content" | "crate" => {}
                key => errors.add(meta.path().span(), refused_on_enum(key)),
            }
        }
        this
    }

    /// The attributes of a variant with named fields or none, those of the enum behind them.
    pub(super) fn of_variant(&self, attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        for meta in metas(attributes, errors) {
            match key(&meta).as_str() {
                "rename_all" => this.rename.read(&meta, errors),
                "deny_unknown_fields" => this.deny_unknown_fields = true,
                key => errors.add(meta.path().span(), refused_on_variant(key)),
            }
        }
        Self {
            rename: this.rename.or(&self.rename),
            deny_unknown_fields: this.deny_unknown_fields || self.deny_unknown_fields,
        }
    }

    /// The attributes for the type that is serialized.
    pub(super) fn serialize(&self) -> TokenStream {
        let rename = self.rename.serialize.iter();
        quote!(#(#[serde(rename_all = #rename)])*)
    }

    /// The attributes for the type that is deserialized.
    pub(super) fn deserialize(&self) -> TokenStream {
        let rename = self.rename.deserialize.iter();
        let deny = self.deny_unknown_fields.then(|| quote!(#[serde(deny_unknown_fields)]));
        quote!(#(#[serde(rename_all = #rename)])* #deny)
    }
}

/// A newtype variant is stored as its inner type, so the variant itself has nothing to say.
pub(super) fn refuse_on_newtype(attributes: &[Attribute], errors: &mut Errors) {
    for meta in metas(attributes, errors) {
        let key = key(&meta);
        let message = match key.as_str() {
            "rename_all" | "deny_unknown_fields" => {
                format!("the payload of this variant is its inner type: put `{key}` on that type")
            }
            key => refused_on_variant(key),
        };
        errors.add(meta.path().span(), message);
    }
}

/// All serde attributes of a field.
pub(super) fn of_field(field: &Field) -> impl Iterator<Item = &Attribute> {
    field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde"))
}

impl SerdeAttributes {
    /// The name that a field is written under.
    ///
    /// # Errors
    ///
    /// For a field that has none, because its content is written in its place.
    pub(super) fn written_name(&self, field: &Field, errors: &mut Errors) -> Result<String, Span> {
        let mut name = None;
        for meta in metas(&field.attrs, errors) {
            match key(&meta).as_str() {
                "flatten" => return Err(meta.span()),
                "rename" => name = renamed(&meta),
                _ => {}
            }
        }
        let ident = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
        Ok(name.unwrap_or_else(|| self.rename.written(&ident)))
    }
}

/// What `rename = "name"` or `rename(serialize = "name")` says about writing; serde reports what is wrong
/// with it.
fn renamed(meta: &Meta) -> Option<String> {
    let mut name = Rename::default();
    name.try_read(meta).ok()?;
    name.serialize.map(|name| name.value())
}

fn refused_on_enum(key: &str) -> String {
    match key {
        "rename_all" => "this renames variants, and an event is not stored under its variant's \
            serde name: write `#[event(name = \"...\")]` on a variant to set its stored name, or \
            `#[serde(rename_all_fields = \"...\")]` here to rename the fields of all variants"
            .to_owned(),
        "rename" => "an event is not stored under the enum's serde name: \
            write `#[event(prefix = \"...\")]`"
            .to_owned(),
        key => format!(
            "the stored payload does not follow `{key}`: on the enum, `rename_all_fields` and \
             `deny_unknown_fields` are honoured; remove it, or derive `Event` for a type of its own"
        ),
    }
}

fn refused_on_variant(key: &str) -> String {
    match key {
        "rename" => "an event is not stored under its variant's serde name: \
            write `#[event(name = \"...\")]`"
            .to_owned(),
        "alias" => "an event is not stored under its variant's serde name: \
            write `#[event(alias = \"...\")]`"
            .to_owned(),
        key => format!(
            "the stored payload does not follow `{key}`: on a variant, `rename_all` and \
             `deny_unknown_fields` are honoured; remove it, or put it on the fields"
        ),
    }
}

impl Rename {
    /// Reads `rename_all = "rule"` or `rename_all(serialize = "rule", deserialize = "rule")`.
    fn read(&mut self, meta: &Meta, errors: &mut Errors) {
        if let Err(error) = self.try_read(meta) {
            errors.push(error);
        }
    }

    fn try_read(&mut self, meta: &Meta) -> syn::Result<()> {
        match meta {
            Meta::NameValue(pair) => {
                let rule = string(&pair.value)?;
                self.serialize = Some(rule.clone());
                self.deserialize = Some(rule);
                Ok(())
            }
            Meta::List(list) => list.parse_nested_meta(|direction| self.read_direction(&direction)),
            Meta::Path(path) => Err(expected_rule(path.span())),
        }
    }

    fn read_direction(&mut self, direction: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let rule = || string(&direction.value()?.parse()?);
        if direction.path.is_ident("serialize") {
            self.serialize = Some(rule()?);
        } else if direction.path.is_ident("deserialize") {
            self.deserialize = Some(rule()?);
        } else {
            return Err(expected_rule(direction.path.span()));
        }
        Ok(())
    }

    /// The name that serde writes a field of this name under.
    fn written(&self, field: &str) -> String {
        let rule = self.serialize.as_ref().map(LitStr::value);
        match rule.as_deref() {
            Some("UPPERCASE" | "SCREAMING_SNAKE_CASE") => field.to_ascii_uppercase(),
            Some("kebab-case") => field.replace('_', "-"),
            Some("SCREAMING-KEBAB-CASE") => field.to_ascii_uppercase().replace('_', "-"),
            Some("PascalCase") => words(field).collect(),
            Some("camelCase") => {
                let pascal: String = words(field).collect();
                let (first, rest) = pascal.split_at(pascal.len().min(1));
                first.to_ascii_lowercase() + rest
            }
            // Fields are in snake case as they are.
            _ => field.to_owned(),
        }
    }

    /// As serde does it: each direction falls back on its own.
    fn or(self, fallback: &Self) -> Self {
        Self {
            serialize: self.serialize.or_else(|| fallback.serialize.clone()),
            deserialize: self.deserialize.or_else(|| fallback.deserialize.clone()),
        }
    }
}

/// The words between underscores, each with a capital letter in front.
fn words(field: &str) -> impl Iterator<Item = String> {
    field.split('_').filter_map(|word| {
        let mut characters = word.chars();
        let first = characters.next()?.to_ascii_uppercase();
        Some(std::iter::once(first).chain(characters).collect())
    })
}

fn string(expression: &Expr) -> syn::Result<LitStr> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(string), .. }) => Ok(string.clone()),
        other => Err(expected_rule(other.span())),
    }
}

fn expected_rule(span: Span) -> syn::Error {
    syn::Error::new(
        span,
        "expected a rule, as in `= \"camelCase\"` or \
         `(serialize = \"camelCase\", deserialize = \"camelCase\")`",
    )
}

/// The parts of all serde attributes.
fn metas(attributes: &[Attribute], errors: &mut Errors) -> Vec<Meta> {
    let mut metas = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        match attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
            Ok(parts) => metas.extend(parts),
            Err(error) => errors.push(error),
        }
    }
    metas
}

fn key(meta: &Meta) -> String {
    meta.path().get_ident().map(ToString::to_string).unwrap_or_default()
}
