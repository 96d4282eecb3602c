//! `#[event(...)]` on the enum, its variants and their fields.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprPath, Fields, LitInt, LitStr};

use crate::attributes::{Errors, Place, name, set};

const ON_ENUM: Place = Place {
    attribute: "event",
    on: "the enum",
    keys: &["prefix", "unknown"],
};
const ON_VARIANT: Place = Place {
    attribute: "event",
    on: "a variant",
    keys: &["name", "alias", "version", "upcast"],
};
const ON_FIELD: Place = Place {
    attribute: "event",
    on: "a field",
    keys: &[],
};

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
            "prefix" => set(&mut this.prefix, key, meta, name(meta)?),
            _ => set(&mut this.unknown, key, meta, unknown(meta)?),
        });
        this
    }
}

fn unknown(meta: &ParseNestedMeta<'_>) -> syn::Result<Unknown> {
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
            "name" => set(&mut this.name, key, meta, name_after_prefix(meta)?),
            "alias" => name(meta).map(|alias| this.aliases.push(alias)),
            "version" => set(&mut this.version, key, meta, version(meta)?.0),
            _ => Upcast::read(meta).map(|upcast| this.upcasts.push(upcast)),
        });
        this
    }

    /// The current schema version.
    pub(super) fn version(&self) -> u32 {
        self.version.unwrap_or(1)
    }

    /// The upcasters from version 1, 2, … to the current one: exactly one from each.
    pub(super) fn upcasters(&self, variant: Span, errors: &mut Errors) -> Vec<&ExprPath> {
        let current = self.version();
        for (index, upcast) in self.upcasts.iter().enumerate() {
            let from = upcast.from;
            if from >= current {
                errors.add(upcast.from_span, too_new(from, current));
            } else if self.upcasts[..index]
                .iter()
                .any(|earlier| earlier.from == from)
            {
                errors.add(
                    upcast.from_span,
                    format!("there is an upcaster from version {from} already: keep one"),
                );
            }
        }
        // A mistyped version would otherwise print thousands of errors.
        const REPORTED: usize = 8;
        for from in (1..current)
            .filter(|from| self.upcaster(*from).is_none())
            .take(REPORTED)
        {
            errors.add(
                variant,
                format!(
                    "version {} needs an upcaster from version {from}: \
                     add `upcast(from = {from}, with = function)`",
                    from + 1
                ),
            );
        }
        (1..current).map_while(|from| self.upcaster(from)).collect()
    }

    fn upcaster(&self, from: u32) -> Option<&ExprPath> {
        self.upcasts
            .iter()
            .find(|upcast| upcast.from == from)
            .map(|upcast| &upcast.with)
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
fn name_after_prefix(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    let name = name(meta)?;
    if name.value().contains(':') {
        return Err(syn::Error::new(
            name.span(),
            "the enum's prefix and a colon are put in front of `name`: write only what follows",
        ));
    }
    Ok(name)
}

fn version(meta: &ParseNestedMeta<'_>) -> syn::Result<(u32, Span)> {
    let literal: LitInt = meta.value()?.parse()?;
    let span = literal.span();
    match literal.base10_parse()? {
        0 => Err(syn::Error::new(span, "versions are counted from 1")),
        version => Ok((version, span)),
    }
}

impl Upcast {
    fn read(meta: &ParseNestedMeta<'_>) -> syn::Result<Self> {
        const FORM: &str = "write `upcast(from = 1, with = function)`";
        let (mut from, mut with) = (None, None);
        if !meta.input.peek(syn::token::Paren) {
            return Err(syn::Error::new(meta.path.span(), FORM));
        }
        meta.parse_nested_meta(|part| {
            if part.path.is_ident("from") {
                set(&mut from, "from", &part, version(&part)?)
            } else if part.path.is_ident("with") {
                set(&mut with, "with", &part, function(&part)?)
            } else {
                Err(syn::Error::new(
                    part.path.span(),
                    format!("unknown key: {FORM}"),
                ))
            }
        })?;
        match (from, with) {
            (Some((from, from_span)), Some(with)) => Ok(Self {
                from,
                from_span,
                with,
            }),
            (None, _) => Err(syn::Error::new(
                meta.path.span(),
                format!("`from` is missing: {FORM}"),
            )),
            (_, None) => Err(syn::Error::new(
                meta.path.span(),
                format!("`with` is missing: {FORM}"),
            )),
        }
    }
}

fn function(meta: &ParseNestedMeta<'_>) -> syn::Result<ExprPath> {
    match meta.value()?.parse()? {
        Expr::Path(path) => Ok(path),
        other => Err(syn::Error::new(
            other.span(),
            "`with` takes the path of a function, as in `with = split_name`, without quotes",
        )),
    }
}

/// Fields are serde's: nothing of ours can be said there.
pub(super) fn check_fields(fields: &Fields, errors: &mut Errors) {
    for field in fields {
        ON_FIELD.read(&field.attrs, errors, |_, _| Ok(()));
    }
}
