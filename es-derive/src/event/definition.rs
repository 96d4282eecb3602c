//! What the user wrote, checked.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Data, DataEnum, DeriveInput, ExprPath, Fields, Ident, LitStr};

use super::attributes::{EnumAttributes, Unknown, VariantAttributes};
use super::personal::Personal;
use super::serde_attributes::{self, SerdeAttributes};
use crate::attributes::{Errors, check_len};

/// An enum of events.
pub(super) struct Definition {
    pub(super) ident: Ident,
    pub(super) unknown: Option<Unknown>,
    pub(super) variants: Vec<Variant>,
}

/// One kind of event.
pub(super) struct Variant {
    pub(super) ident: Ident,
    /// The name that it is stored under.
    pub(super) name: String,
    /// The other names that are read as it.
    pub(super) aliases: Vec<String>,
    /// The schema version that is written.
    pub(super) version: u32,
    /// From version 1, 2, … to the one written.
    pub(super) upcasters: Vec<ExprPath>,
    pub(super) fields: Fields,
    pub(super) serde: SerdeAttributes,
    /// What of it is personal data.
    pub(super) personal: Option<Personal>,
}

impl Definition {
    pub(super) fn read(input: &DeriveInput) -> syn::Result<Self> {
        let variants = enum_variants(input)?;
        let mut errors = Errors::default();
        if !input.generics.params.is_empty() {
            errors.add(
                input.generics.span(),
                "an event type has no generic parameters, because what is stored must not depend \
                 on them: remove them",
            );
        }
        let attributes = EnumAttributes::read(&input.attrs, &mut errors);
        let prefix = prefix(&attributes, &input.ident, &mut errors);
        let mut reader = Reader {
            prefix,
            serde: SerdeAttributes::of_enum(&input.attrs, &mut errors),
            names: HashMap::new(),
            errors,
        };
        let variants = variants.variants.iter().map(|variant| reader.variant(variant)).collect();
        reader.errors.finish(Self {
            ident: input.ident.clone(),
            unknown: attributes.unknown,
            variants,
        })
    }
}

fn enum_variants(input: &DeriveInput) -> syn::Result<&DataEnum> {
    let kind = match &input.data {
        Data::Enum(variants) => return Ok(variants),
        Data::Struct(_) => "a struct",
        Data::Union(_) => "a union",
    };
    let ident = &input.ident;
    Err(syn::Error::new(
        ident.span(),
        format!(
            "`{ident}` is {kind}, and an event type is an enum with a variant per kind of event: \
             write an enum, with this as the content of a variant"
        ),
    ))
}

fn prefix(attributes: &EnumAttributes, ident: &Ident, errors: &mut Errors) -> String {
    if let Some(prefix) = &attributes.prefix {
        return prefix.value();
    }
    let name = ident.unraw().to_string();
    let suggested = name.trim_end_matches("Event");
    let suggested = if suggested.is_empty() { &name } else { suggested };
    errors.add(
        ident.span(),
        format!("stored names start with a prefix: add `#[event(prefix = \"{suggested}\")]`"),
    );
    suggested.to_owned()
}

/// Reads variants, and remembers the names that are taken.
struct Reader {
    prefix: String,
    serde: SerdeAttributes,
    /// Stored names, with the variants that have them.
    names: HashMap<String, Ident>,
    errors: Errors,
}

impl Reader {
    fn variant(&mut self, variant: &syn::Variant) -> Variant {
        let ident = &variant.ident;
        let attributes = VariantAttributes::read(&variant.attrs, &mut self.errors);
        self.check_shape(variant);
        let serde = self.serde(variant);
        let all = attributes.personal.is_some();
        let personal = Personal::read(all, &variant.fields, &serde, &mut self.errors);
        let upcasters = attributes.upcasters(ident.span(), &mut self.errors);
        Variant {
            ident: ident.clone(),
            name: self.name(ident, attributes.name.as_ref()),
            aliases: attributes.aliases.iter().map(|alias| self.alias(ident, alias)).collect(),
            version: attributes.version(),
            upcasters: upcasters.into_iter().cloned().collect(),
            fields: variant.fields.clone(),
            serde,
            personal,
        }
    }

    fn check_shape(&mut self, variant: &syn::Variant) {
        let (Fields::Unnamed(fields), ident) = (&variant.fields, &variant.ident) else {
            return;
        };
        match fields.unnamed.len() {
            1 => {}
            0 => self.errors.add(ident.span(), format!("write `{ident}` without parentheses")),
            _ => self.errors.add(
                fields.span(),
                format!(
                    "stored fields have names: write `{ident} {{ name: Type, .. }}`, \
                     or `{ident}(Type)` with a struct of these fields"
                ),
            ),
        }
    }

    fn serde(&mut self, variant: &syn::Variant) -> SerdeAttributes {
        if matches!(variant.fields, Fields::Unnamed(_)) {
            serde_attributes::refuse_on_newtype(&variant.attrs, &mut self.errors);
            return SerdeAttributes::default();
        }
        self.serde.of_variant(&variant.attrs, &mut self.errors)
    }

    fn name(&mut self, variant: &Ident, renamed: Option<&LitStr>) -> String {
        let (name, span) = match renamed {
            Some(name) => (name.value(), name.span()),
            None => (variant.unraw().to_string(), variant.span()),
        };
        self.take(format!("{}:{name}", self.prefix), variant, span)
    }

    /// An alias with a colon is a whole name, so that a prefix can be changed, too.
    fn alias(&mut self, variant: &Ident, alias: &LitStr) -> String {
        let name = alias.value();
        let name = if name.contains(':') { name } else { format!("{}:{name}", self.prefix) };
        self.take(name, variant, alias.span())
    }

    fn take(&mut self, name: String, variant: &Ident, span: Span) -> String {
        if let Err(error) = check_len(&name, span) {
            self.errors.push(error);
        }
        if let Some(owner) = self.names.insert(name.clone(), variant.clone()) {
            self.errors.add(
                span,
                format!("`{owner}` is stored under the name `{name}` already: choose another"),
            );
        }
        name
    }
}
