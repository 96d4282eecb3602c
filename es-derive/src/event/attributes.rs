//! `#[event(...)]` on the enum, its variants and their fields.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::token::Paren;
use syn::{Attribute, Expr, ExprPath, Field, Lit, LitStr};

use crate::attributes::{Errors, Place, check_name, read_keys, set, set_name};

const ON_ENUM: Place =
    Place { attribute: "event", on: "the enum", keys: &["prefix", "unknown", "union"] };
const ON_VARIANT: Place = Place { attribute: "event", on: "a variant", keys: VARIANT_KEYS };
const VARIANT_KEYS: &[&str] = &["name", "alias", "version", "upcast", "personal"];
const ON_FIELD: Place = Place { attribute: "event", on: "a field", keys: &["personal"] };

/// What the enum says.
#[derive(Default)]
pub(super) struct EnumAttributes {
    pub(super) prefix: Option<LitStr>,
    pub(super) unknown: Option<Unknown>,
}

/// What to do with events of other names.
pub(super) enum Unknown {
    Skip,
    Fail,
}

impl EnumAttributes {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        ON_ENUM.read(attributes, errors, |key, meta| match key {
            "prefix" => set_name(&mut this.prefix, key, meta),
            _ => set(&mut this.unknown, key, meta, unknown(meta)?),
        });
        this
    }
}

pub(super) fn unknown(meta: &ParseNestedMeta<'_>) -> syn::Result<Unknown> {
    let policy: LitStr = meta.value()?.parse()?;
    match policy.value().as_str() {
        "skip" => Ok(Unknown::Skip),
        "fail" => Ok(Unknown::Fail),
        _ => Err(syn::Error::new(
            policy.span(),
            "write `unknown = \"fail\"` (the default) or `unknown = \"skip\"`",
        )),
    }
}

/// What a variant says.
#[derive(Default)]
pub(super) struct VariantAttributes {
    pub(super) name: Option<LitStr>,
    pub(super) aliases: Vec<LitStr>,
    version: Option<u32>,
    upcasts: Vec<Upcast>,
    /// All of it is personal data.
    pub(super) personal: Option<()>,
    /// A version or an upcaster has an error, so nothing can be said about the others.
    misread: bool,
}

/// One step from a schema version to the next.
struct Upcast {
    from: u32,
    from_span: Span,
    with: ExprPath,
}

impl VariantAttributes {
    pub(super) fn read(attributes: &[Attribute], errors: &mut Errors) -> Self {
        let mut this = Self::default();
        ON_VARIANT.read(attributes, errors, |key, meta| match key {
            "name" => {
                set_name(&mut this.name, key, meta)?;
                this.name.as_ref().map_or(Ok(()), check_after_prefix)
            }
            "personal" => set(&mut this.personal, key, meta, ()),
            "alias" => {
                let alias = meta.value()?.parse()?;
                check_name(&alias)?;
                this.aliases.push(alias);
                Ok(())
            }
            _ => {
                let result = this.read_schema(key, meta);
                this.misread |= result.is_err();
                result
            }
        });
        this
    }

    fn read_schema(&mut self, key: &str, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match key {
            "version" => set(&mut self.version, key, meta, version(meta)?.0),
            _ => Upcast::read(meta).map(|upcast| self.upcasts.push(upcast)),
        }
    }

    /// The current schema version.
    pub(super) fn version(&self) -> u32 {
        self.version.unwrap_or(1)
    }

    /// The upcasters from version 1, 2, … to the current one: exactly one from each.
    pub(super) fn upcasters(&self, variant: Span, errors: &mut Errors) -> Vec<&ExprPath> {
        if !self.misread {
            self.check_superfluous(errors);
            self.check_missing(variant, errors);
        }
        let versions = 1..self.version();
        versions.map_while(|from| self.upcaster(from)).collect()
    }

    fn check_superfluous(&self, errors: &mut Errors) {
        let current = self.version();
        for (index, upcast) in self.upcasts.iter().enumerate() {
            let (from, place) = (upcast.from, upcast.from_span);
            let mut earlier = self.upcasts[..index].iter();
            if from >= current {
                errors.add(place, too_new(from, current));
            } else if earlier.any(|earlier| earlier.from == from) {
                let message = format!("there is an upcaster from version {from} already: keep one");
                errors.add(place, message);
            }
        }
    }

    fn check_missing(&self, variant: Span, errors: &mut Errors) {
        // A mistyped version would otherwise be an error thousands of times.
        const REPORTED: usize = 3;
        let missing = (1..self.version()).filter(|from| self.upcaster(*from).is_none());
        for from in missing.take(REPORTED) {
            let message = format!(
                "version {} needs an upcaster from version {from}: \
                 add `upcast(from = {from}, with = function)`",
                from + 1
            );
            errors.add(variant, message);
        }
    }

    fn upcaster(&self, from: u32) -> Option<&ExprPath> {
        self.upcasts.iter().find(|upcast| upcast.from == from).map(|upcast| &upcast.with)
    }
}

fn too_new(from: u32, current: u32) -> String {
    let next = from.saturating_add(1);
    format!(
        "the current version is {current}, which needs no upcaster from version {from}: \
         write `version = {next}` if version {next} is the new one, or remove the upcaster"
    )
}

/// The prefix comes in front of a name, so a name that brings one of its own is a mistake.
fn check_after_prefix(name: &LitStr) -> syn::Result<()> {
    if name.value().contains(':') {
        return Err(syn::Error::new(
            name.span(),
            "the enum's prefix and a colon are put in front of `name`: write only what follows",
        ));
    }
    Ok(())
}

fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<(u32, Span)> {
    let literal: Lit = meta.value()?.parse()?;
    let error = |message| Err(syn::Error::new(literal.span(), message));
    let Lit::Int(number) = &literal else {
        return error("a version is a number, without quotes");
    };
    match number.base10_parse()? {
        0 => error("versions are counted from 1"),
        version => Ok((version, literal.span())),
    }
}

impl Upcast {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        const FORM: &str = "write `upcast(from = 1, with = function)`";
        let error = |message: &str| syn::Error::new(meta.path.span(), format!("{message}{FORM}"));
        if !meta.input.peek(Paren) {
            return Err(error(""));
        }
        let (mut from, mut with) = (None, None);
        let mut errors = Errors::default();
        read_keys(meta, &mut errors, |part| {
            if part.path.is_ident("from") {
                set(&mut from, "from", part, version(part)?)
            } else if part.path.is_ident("with") {
                set(&mut with, "with", part, function(part)?)
            } else {
                let message = format!("unknown key: {FORM}");
                Err(syn::Error::new(part.path.span(), message))
            }
        })?;
        errors.finish(())?;
        let (from, from_span) = from.ok_or_else(|| error("`from` is missing: "))?;
        let with = with.ok_or_else(|| error("`with` is missing: "))?;
        Ok(Self { from, from_span, with })
    }
}

fn function(meta: &ParseNestedMeta<'_>) -> syn::Result<ExprPath> {
    let mut with = meta.value()?.parse()?;
    // A path that was handed to a `macro_rules` macro comes in a group that nobody sees.
    while let Expr::Group(group) = with {
        with = *group.expr;
    }
    match with {
        Expr::Path(path) => Ok(path),
        other => Err(syn::Error::new(
            other.span(),
            "`with` takes the path of a function, as in `with = split_name`, without quotes",
        )),
    }
}

/// Whether a field says that it is personal data. Everything else about fields is serde's.
pub(super) fn is_personal(field: &Field, errors: &mut Errors) -> bool {
    let mut personal = None;
    ON_FIELD.read(&field.attrs, errors, |key, meta| set(&mut personal, key, meta, ()));
    personal.is_some()
}
